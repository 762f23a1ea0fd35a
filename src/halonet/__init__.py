"""HaloNet: mock dark-matter halo catalogues from random phases."""

import hashlib
import os
from pathlib import Path

__version__ = "0.1.0"


def kernel_cache(package: Path) -> Path:
    """Folder for the compiled kernels of a state of the code.

    Numba's own cache does not notice that a function which a cached one calls has changed, and would go on running the
    old one. A folder named after the text of all kernels cannot hold an old one.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        if b"numba" in text:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + text)
    return package / "__pycache__" / f"halonet-{digest.hexdigest()[:16]}"


def _use_kernel_cache(package: Path) -> None:
    current = Path(os.environ.get("NUMBA_CACHE_DIR", "halonet-"))
    # A user's choice stays; one inherited from another run of HaloNet may be that of other code.
    if current.name.startswith("halonet-") and os.access(package, os.W_OK):
        os.environ["NUMBA_CACHE_DIR"] = str(kernel_cache(package))


_use_kernel_cache(Path(__file__).parent)
