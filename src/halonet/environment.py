"""What libraries are told before they are imported: environment variables, of which a user's own values stay."""

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

TENSORFLOW = {
    # Kernels of oneDNN. TensorFlow chooses them by itself only where the processor has AVX512_VNNI, AVX512_BF16 or AMX;
    # with its own, a training step takes five times as long on a processor with AVX2 (docs/performance.md).
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # Errors alone: TensorFlow's own notes would bury the messages of a run.
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
# What TensorFlow prints, whatever the level, while it is imported and while it looks for GPUs where there is none.
NOTES = re.compile(
    rb"absl::InitializeLog|\bport\.cc:\d+\] oneDNN custom operations are on|"
    rb"\bcudart_stub\.cc:\d+\] Could not find cuda drivers|\bcuda_platform\.cc:\d+\] failed call to cuInit"
)
# What TensorFlow and Keras import only where it is installed, and the modules that do so. HaloNet hands them no data
# frames, notebooks, figures or functions of JAX; without these its processes start in two thirds of the time.
LOOKED_FOR = {
    "IPython": ("keras.src.saving.file_editor",),
    "jax": ("keras.src.callbacks.orbax_checkpoint", "tensorflow.lite.python.util"),
    "matplotlib": ("keras.src.visualization.plot_bounding_box_gallery", "keras.src.visualization.plot_image_gallery"),
    "pandas": ("keras.src.trainers.data_adapters.array_slicing",),
}


def prepare(package: Path) -> None:
    """Set the variables of this process and of those it starts; called where the package is imported.

    Parameters
    ----------
    package
        Folder of the package, whose kernels numba compiles.
    """
    for name, value in TENSORFLOW.items():
        os.environ.setdefault(name, value)
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] >= TENSORFLOW["TF_CPP_MIN_LOG_LEVEL"]:
        sys.meta_path.insert(0, _QuietTensorFlow())
    sys.meta_path.insert(0, _NotLookedFor())
    current = Path(os.environ.get("NUMBA_CACHE_DIR", "halonet-"))
    # A user's choice stays; one inherited from another run of HaloNet may be that of other code.
    if current.name.startswith("halonet-") and os.access(package, os.W_OK):
        os.environ["NUMBA_CACHE_DIR"] = str(kernel_cache(package))
        if numba := sys.modules.get("numba"):  # imported by others before; it read the variable then
            numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]


class _NotLookedFor(MetaPathFinder):
    """Tells the importers of :data:`LOOKED_FOR` that a package is not there; all others get it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if importers := LOOKED_FOR.get(name):
            frame = sys._getframe(1)
            while frame.f_back and frame.f_globals["__name__"].startswith("importlib."):
                frame = frame.f_back
            if frame.f_globals["__name__"] in importers:
                raise ModuleNotFoundError(f"{name} is not needed here", name=name)


class _QuietTensorFlow(MetaPathFinder):
    """Imports TensorFlow, whoever asks for it first, without its notes."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        if (spec := find_spec(name)) and spec.loader:
            execute = spec.loader.exec_module

            def quietly(module: ModuleType) -> None:
                with without_notes():
                    execute(module)

            spec.loader.exec_module = quietly  # type: ignore[method-assign] # of this import alone
        return spec


@contextmanager
def without_notes() -> Iterator[None]:
    """Hold back what is written to standard error, by compiled code too; pass on all but :data:`NOTES` at the end."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        screen = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
            held.seek(0)
            for line in held:
                if not NOTES.search(line):
                    os.write(2, line)


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
