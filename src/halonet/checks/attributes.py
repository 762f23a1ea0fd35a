"""Root attributes of a user's file: numbers, text and cosmologies under the names that codes give them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from halonet.checks.assumptions import assume
from halonet.checks.attribute_values import SAME, check_same, json_or_note, number_of
from halonet.checks.cosmologies import COSMOLOGY_NAMES, cosmology_said
from halonet.checks.errors import StorageError
from halonet.checks.numbers import ROUNDING, Number

GROUPS = ("Header", "Cosmology")  # where simulation codes keep attributes
BOX_NAMES = ("BoxSize", "Lbox", "box_size", "boxsize", "BOXSIZE", "L")
REDSHIFT_NAMES = ("redshift", "Redshift", "REDSHIFT", "z", "zred", "z_out")
SCALE_FACTOR_NAMES = ("scale_factor", "ScaleFactor", "Scale-factor", "aexp", "a")
KNOWN = {"box_size_mpc", *BOX_NAMES, *REDSHIFT_NAMES, *SCALE_FACTOR_NAMES, *sum(COSMOLOGY_NAMES.values(), ())}
BOX_SIZE = Number("Mpc", above=0, most=1e6, repeated=True)
REDSHIFT = Number(above=-1, most=1e4)
SCALE_FACTOR = Number(above=0, most=10)
GADGET_TIME = "Time"  # the scale factor, where a file of particles has no redshift
LEAST_H = 0.5  # of any universe whose files are read; 1 is none


def attributes_of(file: h5py.File) -> dict[str, Any]:
    """Attributes of the root, and of the groups in which simulation codes keep theirs."""
    found: dict[str, Any] = {}
    for where in (*(name for name in GROUPS if isinstance(file.get(name), h5py.Group)), "/"):
        for name, value in file[where].attrs.items():
            if name in KNOWN and name in found and not np.array_equal(found[name], value):
                raise StorageError(
                    f"{file.filename}: attribute {name} is {found[name]} in one place and {value} in {where}; make "
                    "them one"
                )
            found[name] = value
    return found


def box_size_of(path: str | Path, attributes: Mapping[str, Any]) -> float:
    """Side of the box (Mpc); an attribute of another name is of unknown unit, and named in the error."""
    if "box_size_mpc" in attributes:
        return float(number_of(path, "box_size_mpc", attributes["box_size_mpc"], BOX_SIZE))
    held = [f"{name} = {attributes[name]}" for name in BOX_NAMES if name in attributes]
    hint = f"; it has {held[0]}, of unknown unit: write it as box_size_mpc, in Mpc without h" if held else ""
    raise StorageError(f"{path}: the root attribute box_size_mpc is missing; it gives the side of the box in Mpc{hint}")


def _check_side(path: str | Path, side: float, attributes: Mapping[str, Any], known_h: float | None) -> None:
    """Refuse a side under another name that is this one neither in Mpc nor in kpc, nor in these over h.

    Where h is not known, it may be that of any universe.
    """
    low, high = (known_h - SAME, known_h + SAME) if known_h else (LEAST_H, 1.0)
    for name in (each for each in BOX_NAMES if each in attributes and len(each) > 1):
        other = number_of(path, name, attributes[name], Number(above=0, repeated=True))
        if not any(abs(h - 1) < SAME or low < h < high for h in (other / side, other / side / 1000)):
            raise StorageError(
                f"{path}: box_size_mpc = {side:g}, but {name} = {other:g}, which is another side in Mpc or kpc, with "
                "or without h; make them one, or leave one out"
            )


def redshift_of(path: str | Path, attributes: Mapping[str, Any]) -> float | None:
    """Redshift, also from its other names or a scale factor; None where there is none of them."""
    said = {name: number_of(path, name, attributes[name], REDSHIFT) for name in REDSHIFT_NAMES if name in attributes}
    for name in SCALE_FACTOR_NAMES:
        if name in attributes:
            said[name] = 1 / number_of(path, name, attributes[name], SCALE_FACTOR) - 1
    if not said and GADGET_TIME in attributes:
        factor = number_of(path, GADGET_TIME, attributes[GADGET_TIME], Number())
        if 0 < factor <= 1:
            assume(f"{path}: {GADGET_TIME} = {factor:g} is taken for the scale factor, as Gadget has it")
            said[GADGET_TIME] = 1 / factor - 1
    check_same(path, {name: {"redshift": float(redshift)} for name, redshift in said.items()})
    redshift = float(next(iter(said.values()))) if said else None
    return 0.0 if redshift is not None and abs(redshift) <= ROUNDING else redshift


def header_values(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the header of a field or catalogue file, by the names of :class:`halonet.storage.FieldHeader`."""
    seed = attributes.get("seed")
    redshift, cosmology = redshift_of(path, attributes), cosmology_said(path, attributes)
    other = (cosmology or {}).get("redshift")
    if redshift is not None and other == 0 and abs(redshift) > SAME:  # which a cosmology says that was never asked
        assume(f"{path}: its redshift is {redshift:g}, and 0 in its attribute cosmology; {redshift:g} is taken")
    elif redshift is not None:
        check_same(path, {"redshift": {"redshift": redshift}, "cosmology": cosmology or {}})
    side, h = box_size_of(path, attributes), (cosmology or {}).get("h")
    _check_side(path, side, attributes, h if isinstance(h, float) else None)
    return {
        "box_size_mpc": side,
        "redshift": redshift,
        "cosmology": cosmology,
        "seed": None if seed is None else int(number_of(path, "seed", seed, Number(whole=True))),
        "provenance": provenance_of(attributes),
    }


def provenance_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """How the file was made; of a user's file it may be a note in words."""
    if "provenance" not in attributes:
        return {}
    return json_or_note(attributes["provenance"])
