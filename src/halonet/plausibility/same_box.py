"""Whether files are of one box: cells, side, seed, redshift and cosmology, as far as they say them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from halonet.storage import StorageError, read_header

SAME = 1e-6


def check_sizes(sizes: Mapping[str, tuple[int, float]], reference: str) -> None:
    """Refuse files whose box has other cells, or another side (Mpc), than that of the file ``reference``."""
    wanted = sizes[reference]
    for path, size in sizes.items():
        if size != wanted:
            raise StorageError(
                f"{path}: {size[0]} cells and {size[1]} Mpc along a side, but {reference} has "
                f"{wanted[0]} and {wanted[1]}; all files must be of the same box"
            )


def check_headers(paths: Iterable[str | Path], reference: str | Path) -> None:
    """Refuse files of another seed, redshift or cosmology than ``reference``; what a file does not say is not held."""
    wanted = _said(reference)
    for path in paths:
        for name, value in _said(path).items():
            if abs(wanted.get(name, value) - value) > SAME:
                raise StorageError(
                    f"{path}: {name} = {value}, but {reference} has {wanted[name]}; all files must be of one box"
                )


def _said(path: str | Path) -> dict[str, float]:
    """Seed, redshift and cosmology of a file, by their names, as far as it knows them."""
    header = read_header(path)
    own = {name: value for name in ("seed", "redshift") if (value := getattr(header, name)) is not None}
    return (header.cosmology or {}) | own  # a cosmology may name another redshift, which was never asked for
