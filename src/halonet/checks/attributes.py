"""Root attributes of a user's file: numbers, text and cosmologies under the names that codes give them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py

from halonet.checks.assumptions import assume
from halonet.checks.attribute_values import SAME, check_same, json_or_note, named, number_of, same_value, spelling
from halonet.checks.cosmologies import COSMOLOGY_NAMES, CURVATURES, LAMBDAS, cosmology_said
from halonet.checks.errors import StorageError
from halonet.checks.numbers import ROUNDING, Number, NumberError

GROUPS = ("header", "cosmology", "parameters", "simulation")  # where simulation codes keep attributes, in any spelling
OBJECTS = ("density", "probability", "mask", "haloes", "galaxies")  # that may have attributes of their own
BOX_NAMES = ("BoxSize", "Lbox", "box_size", "boxsize", "BOXSIZE", "L")
REDSHIFT_NAMES = ("redshift", "Redshift", "REDSHIFT", "z", "zred", "z_out", "z_snap", "snapshot_redshift")
SCALE_FACTOR_NAMES = ("scale_factor", "ScaleFactor", "Scale-factor", "aexp", "a", "expfac", "expansion_factor")
GADGET_TIME = "Time"  # the scale factor, where a file of particles has no redshift
NAMES = (
    *("box_size_mpc", "seed", GADGET_TIME, *BOX_NAMES, *REDSHIFT_NAMES, *SCALE_FACTOR_NAMES),
    *(*sum(COSMOLOGY_NAMES.values(), ()), *LAMBDAS, *CURVATURES),
)
KNOWN = {spelling(name) for name in NAMES}
BOX_SIZE = Number("Mpc", above=0, most=1e6, repeated=True)
REDSHIFT = Number(above=-1, most=1e4)
SCALE_FACTOR = Number(above=0, most=10)
SEED = Number(whole=True)
LEAST_H = 0.5  # of any universe whose files are read; 1 is none


def attributes_of(file: h5py.File) -> dict[str, Any]:
    """Attributes of the root, of the groups in which simulation codes keep theirs, and of the fields themselves."""
    found: dict[str, Any] = {}
    for where, held in (*_places(file), ("/", file)):
        for name, value in held.attrs.items():
            if spelling(name) in KNOWN and name in found and not same_value(found[name], value):
                raise StorageError(
                    f"{file.filename}: attribute {name} is {found[name]} in one place and {value} in {where}; make "
                    "them one"
                )
            found[name] = value
    return found


def _places(file: h5py.File) -> list[tuple[str, h5py.Group | h5py.Dataset]]:
    """Objects of the file, beside its root, whose attributes speak of all of it."""
    found: list[tuple[str, h5py.Group | h5py.Dataset]] = []
    for name in file:
        kind = h5py.Group if name.lower() in GROUPS else h5py.Group | h5py.Dataset if name in OBJECTS else None
        try:
            if kind and isinstance(held := file.get(name), kind):
                found.append((name, held))
        except (OSError, RuntimeError):  # a broken link, which is named where it is read
            continue
    return found


def box_size_of(path: str | Path, attributes: Mapping[str, Any]) -> float:
    """Side of the box (Mpc); an attribute of another name is of unknown unit, and named in the error."""
    if "box_size_mpc" in attributes:
        return float(number_of(path, "box_size_mpc", attributes["box_size_mpc"], BOX_SIZE))
    held = [f"{name} = {attributes[name]}" for name in named(attributes, BOX_NAMES)]
    hint = f"; it has {held[0]}, of unknown unit: write it as box_size_mpc, in Mpc without h" if held else ""
    raise StorageError(f"{path}: the root attribute box_size_mpc is missing; it gives the side of the box in Mpc{hint}")


def _check_side(path: str | Path, side: float, attributes: Mapping[str, Any], known_h: float | None) -> None:
    """Refuse a side under another name that is this one neither in Mpc nor in kpc, nor in these over h.

    Where h is not known, it may be that of any universe.
    """
    low, high = (known_h - SAME, known_h + SAME) if known_h else (LEAST_H, 1.0)
    for name in (each for each in named(attributes, BOX_NAMES) if len(each) > 1):
        other = number_of(path, name, attributes[name], Number(above=0, repeated=True))
        if not any(abs(h - 1) < SAME or low < h < high for h in (other / side, other / side / 1000)):
            raise StorageError(
                f"{path}: box_size_mpc = {side:g}, but {name} = {other:g}, which is another side in Mpc or kpc, with "
                "or without h; make them one, or leave one out"
            )


def redshift_of(path: str | Path, attributes: Mapping[str, Any]) -> float | None:
    """Redshift, also from its other names or a scale factor; None where there is none of them."""
    said = {name: number_of(path, name, attributes[name], REDSHIFT) for name in named(attributes, REDSHIFT_NAMES)}
    factors = named(attributes, SCALE_FACTOR_NAMES)
    said |= {name: 1 / number_of(path, name, attributes[name], SCALE_FACTOR) - 1 for name in factors}
    if not factors and GADGET_TIME in attributes:
        said |= _of_time(path, attributes[GADGET_TIME], said)
    check_same(path, {name: {"redshift": float(redshift)} for name, redshift in said.items()})
    redshift = float(next(iter(said.values()))) if said else None
    return 0.0 if redshift is not None and abs(redshift) <= ROUNDING else redshift


def _of_time(path: str | Path, time: object, said: Mapping[str, float]) -> dict[str, float]:
    """The redshift by Gadget's time, where nothing else has said one; a time beside another redshift is said."""
    try:
        factor = Number()(time)
    except NumberError as error:
        if said:
            return {}
        raise StorageError(f"{path}: attribute {GADGET_TIME}: {error}") from None
    if not 0 < factor <= 1:
        return {}
    if not said:
        assume(f"{path}: {GADGET_TIME} = {factor:g} is taken for the scale factor, as Gadget has it")
        return {GADGET_TIME: 1 / factor - 1}
    name, redshift = next(iter(said.items()))
    if abs(factor * (1 + redshift) - 1) > SAME:
        assume(f"{path}: {GADGET_TIME} = {factor:g} is no scale factor of {name} = {redshift:g}, which is taken")
    return {}


def check_redshifts(path: str | Path, redshift: float | None, cosmology: Mapping[str, Any] | None) -> None:
    """Refuse a redshift beside a cosmology with another one; one of 0 is said, by a cosmology that was never asked."""
    other = (cosmology or {}).get("redshift")
    if redshift is not None and other == 0 and abs(redshift) > SAME:
        assume(f"{path}: its redshift is {redshift:g}, and 0 in its attribute cosmology; {redshift:g} is taken")
    elif redshift is not None:
        check_same(path, {"redshift": {"redshift": redshift}, "cosmology": cosmology or {}})


def header_values(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the header of a field or catalogue file, by the names of :class:`halonet.storage.FieldHeader`."""
    seeds = {name: int(number_of(path, name, attributes[name], SEED)) for name in named(attributes, ("seed",))}
    check_same(path, {name: {"seed": seed} for name, seed in seeds.items()})
    redshift, cosmology = redshift_of(path, attributes), cosmology_said(path, attributes)
    check_redshifts(path, redshift, cosmology)
    side, h = box_size_of(path, attributes), (cosmology or {}).get("h")
    _check_side(path, side, attributes, h if isinstance(h, float) else None)
    return {
        "box_size_mpc": side,
        "redshift": redshift,
        "cosmology": cosmology,
        "seed": next(iter(seeds.values()), None),
        "provenance": provenance_of(attributes),
    }


def provenance_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """How the file was made; of a user's file it may be a note in words."""
    if "provenance" not in attributes:
        return {}
    return json_or_note(attributes["provenance"])
