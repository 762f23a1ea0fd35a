"""Whether files are of one box: cells, side, phases, spectrum, redshift and cosmology, as far as they say them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from halonet.storage import FieldHeader, StorageError, read_header

SAME = 1e-6
PHASES = ("seed", "flip_phases")  # in which boxes of one universe differ
MADE_FROM = ("density", "probability", "particles", "haloes")  # names under which provenance holds that of an input
CAMBS = "CAMB's"


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
    """Refuse files that contradict ``reference``, or one another, in their headers."""
    check_same_box((path, read_header(path)) for path in (reference, *paths))


def check_same_box(headers: Iterable[tuple[str | Path, FieldHeader]]) -> None:
    """Refuse headers, each with what messages call it, that contradict one another."""
    for contradiction in contradictions(headers):
        raise StorageError(f"{contradiction}; all files must be of one box")


def contradictions(
    headers: Iterable[tuple[str | Path, FieldHeader]], leaving_out: Collection[str] = ()
) -> Iterator[str]:
    """What headers say otherwise than the first that says it; what a header does not say is not held.

    Parameters
    ----------
    headers
        Each with what messages call it.
    leaving_out
        What may differ: :data:`PHASES` for boxes of one universe.
    """
    first: dict[str, tuple[str | Path, Any]] = {}
    for source, header in headers:
        for name, value in _said(header).items():
            other, held = first.setdefault(name, (source, value))
            if name not in leaving_out and _differ(held, value):
                yield f"{source}: {name} = {value}, but {other} has {held}"


def drawn_as(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Whether phases were flipped, and the digest of a power spectrum that is not CAMB's.

    Only a mock says so, also where something was made from it. Otherwise the result is empty.
    """
    sources = [held for name in MADE_FROM if isinstance(held := provenance.get(name), Mapping)]
    if sources:
        return {name: value for held in sources for name, value in drawn_as(held).items()}
    if provenance.get("stage") != "mock":
        return {}
    return {
        "flip_phases": provenance.get("flip_phases", False),
        "power_spectrum": provenance.get("power_spectrum", CAMBS),
    }


def _said(header: FieldHeader) -> dict[str, Any]:
    """What a header says of its box, by name."""
    own = {name: value for name in ("seed", "redshift") if (value := getattr(header, name)) is not None}
    cosmology = {name: value for name, value in (header.cosmology or {}).items() if isinstance(value, int | float)}
    # A cosmology may name another redshift, which was never asked for.
    return cosmology | own | drawn_as(header.provenance)


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) > SAME
    return bool(one != other)
