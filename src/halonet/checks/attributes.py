"""Root attributes of a user's file: numbers, text and cosmologies under the names that codes give them."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from halonet.checks.assumptions import assume
from halonet.checks.errors import StorageError
from halonet.checks.json_objects import TwiceError, each_once
from halonet.checks.numbers import Number, NumberError

log = logging.getLogger("halonet")
GROUPS = ("Header", "Cosmology")  # where simulation codes keep attributes
BOX_NAMES = ("BoxSize", "Lbox", "box_size", "boxsize", "BOXSIZE", "L")
REDSHIFT_NAMES = ("redshift", "Redshift", "REDSHIFT", "z", "z_out")
SCALE_FACTOR_NAMES = ("scale_factor", "ScaleFactor", "Scale-factor", "a")
COSMOLOGY_NAMES = {
    "h": ("h", "HubbleParam", "hubble", "h0", "little_h"),
    "H0": ("H0", "H_0"),
    "omega_m": ("omega_m", "Omega_m", "OmegaM", "Omega0", "Om0", "OmegaMatter", "omega_matter"),
    "omega_b": ("omega_b", "Omega_b", "OmegaB", "Ob0", "OmegaBaryon"),
    "omega_cdm": ("omega_cdm", "Omega_cdm", "OmegaCDM", "Omega_c"),
    "n_s": ("n_s", "ns", "PrimordialIndex", "spectral_index"),
    "sigma8": ("sigma8", "sigma_8", "Sigma8", "s8"),
    "w0": ("w0", "w_0", "W0"),
    "wa": ("wa", "w_a", "Wa"),
    "m_nu": ("m_nu", "mnu", "M_nu", "sum_m_nu", "neutrino_mass"),
    "omega_nu": ("omega_nu", "Omega_nu"),
}
# Flat LambdaCDM of the papers' tables, as astropy.cosmology has them: h, Omega_m, Omega_b, n_s, sigma8.
NAMED = {
    "planck13": (0.6777, 0.30712, 0.048252, 0.9611, 0.8288),
    "planck15": (0.6774, 0.3075, 0.0486, 0.9667, 0.8159),
    "planck18": (0.6766, 0.30966, 0.04897, 0.9665, 0.8102),
    "wmap5": (0.702, 0.277, 0.0459, 0.962, 0.817),
    "wmap7": (0.704, 0.272, 0.0455, 0.967, 0.810),
    "wmap9": (0.6932, 0.2865, 0.04628, 0.9608, 0.82),
}
BOX_SIZE = Number("Mpc", above=0, most=1e6, repeated=True)
REDSHIFT = Number(above=-1, most=1e4)
SCALE_FACTOR = Number(above=0, most=10)
SAME = 1e-5  # of numbers that two attributes give
LEAST_H = 0.5  # of any universe whose files are read; 1 is none


def attributes_of(file: h5py.File) -> dict[str, Any]:
    """Attributes of the root, and of the groups in which simulation codes keep theirs."""
    found: dict[str, Any] = {}
    for name in GROUPS:
        if isinstance(group := file.get(name), h5py.Group):
            found |= dict(group.attrs)
    return found | dict(file.attrs)


def number_of(path: str | Path, name: str, value: Any, number: Number) -> int | float:
    """The number that an attribute is; an error names file and attribute."""
    try:
        return number(value)
    except NumberError as error:
        raise StorageError(f"{path}: attribute {name}: {error}") from None


def text_of(value: Any) -> str | None:
    """Text of an attribute; None for one that is no text."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.flat[0]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else None


def box_size_of(path: str | Path, attributes: Mapping[str, Any]) -> float:
    """Side of the box (Mpc); an attribute of another name is of unknown unit, and named in the error."""
    if "box_size_mpc" in attributes:
        side = float(number_of(path, "box_size_mpc", attributes["box_size_mpc"], BOX_SIZE))
        _check_side(path, side, attributes)
        return side
    held = [f"{name} = {attributes[name]}" for name in BOX_NAMES if name in attributes]
    hint = f"; it has {held[0]}, of unknown unit: write it as box_size_mpc, in Mpc without h" if held else ""
    raise StorageError(f"{path}: the root attribute box_size_mpc is missing; it gives the side of the box in Mpc{hint}")


def _check_side(path: str | Path, side: float, attributes: Mapping[str, Any]) -> None:
    """Refuse a side under another name that is this one neither in Mpc nor in kpc, nor in these over h."""
    for name in (each for each in BOX_NAMES if each in attributes and len(each) > 1):
        other = number_of(path, name, attributes[name], Number(above=0, repeated=True))
        if not any(abs(h - 1) < SAME or LEAST_H < h < 1 for h in (other / side, other / side / 1000)):
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
    _check_same(path, {name: {"redshift": float(redshift)} for name, redshift in said.items()})
    return float(next(iter(said.values()))) if said else None


def cosmology_said(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a file says of its cosmology, by the names of the settings; None where it says nothing that is understood.

    JSON in ``cosmology``, the name of a known one, or attributes of their own like ``Omega_m``.
    """
    if "cosmology" in attributes:
        text = text_of(attributes["cosmology"])
        try:
            values = _from_json(text, each_once)
        except TwiceError as error:
            raise StorageError(f"{path}: cosmology: {error}") from None
        if values is not None:
            return _completed(path, values, _each_loose(path, attributes))
        named = None if text is None else NAMED.get("".join(text.lower().split()))
        if named:
            return _completed(path, _of_matter(*named), _each_loose(path, attributes))
        shown = attributes["cosmology"] if text is None else text
        assume(f"{path}: cosmology = {str(shown)[:60]!r} is not understood (JSON, or one of {', '.join(NAMED)}, is)")
    each = _each_loose(path, attributes)
    _check_same(path, each)
    return by_setting(path, {name: value for said in each.values() for name, value in said.items()}) if each else None


def _completed(path: str | Path, values: dict, loose: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A cosmology in JSON, with what of it is said by attributes of their own alone; both must say the same.

    Dark energy that JSON leaves out is a cosmological constant, as this project writes it.
    """
    said = by_setting(path, values)
    parts = [part for name in ("omega_b", "omega_cdm") if isinstance(part := said.get(name), int | float)]
    matter = {"omega_m": sum(parts)} if len(parts) == 2 else {}
    _check_same(path, {"cosmology": {"w0": -1.0, "wa": 0.0} | said | matter} | loose)
    others = {name: value for each in loose.values() for name, value in each.items() if name not in said}
    return by_setting(path, others | said)


def _each_loose(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each attribute of its own says of the cosmology, like ``Omega_m``, by the name of the setting."""
    found = {}
    for setting, names in COSMOLOGY_NAMES.items():
        for name in names:
            if name in attributes:
                value = number_of(path, name, attributes[name], Number())
                found[name] = {"h": value / 100} if setting == "H0" else {setting: value}
    return found


def _check_same(path: str | Path, said: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse values of one name that differ from one of those who say them to another."""
    first: dict[str, tuple[str, Any]] = {}
    for who, values in said.items():
        for name, value in values.items():
            other, held = first.setdefault(name, (who, value))
            if isinstance(held, int | float) and isinstance(value, int | float) and abs(held - value) > SAME:
                raise StorageError(
                    f"{path}: {name} is {held:g} by {other} and {value:g} by {who}; make them one, or leave one out"
                )


def _from_json(text: str | None, hook: Callable[[list[tuple[str, Any]]], dict] = dict) -> dict | None:
    try:
        values = json.loads(text or "", object_pairs_hook=hook)
    except json.JSONDecodeError:
        return None
    return values if isinstance(values, dict) else None


def by_setting(path: str | Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """A cosmology under the names of the settings; names that are not known stay, and are refused with them."""
    settings = {name: setting for setting, names in COSMOLOGY_NAMES.items() for name in names}
    said = {settings.get(name, name): value for name, value in values.items()}
    if "H0" in said:
        said.setdefault("h", number_of(path, "H0", said.pop("H0"), Number(above=0)) / 100)
        said.pop("H0", None)
    if "omega_m" in said:
        matter = said.pop("omega_m")
        if "omega_cdm" not in said:
            if "omega_b" not in said:
                said["omega_b"] = 0.043
                assume(f"{path}: no baryon density is given; omega_b = 0.043 of Omega_m = {matter} is taken")
            said["omega_cdm"] = round(number_of(path, "omega_m", matter, Number(above=0)) - said["omega_b"], 12)
    return said


def _of_matter(h: float, omega_m: float, omega_b: float, n_s: float, sigma8: float) -> dict[str, float]:
    return {"h": h, "omega_b": omega_b, "omega_cdm": round(omega_m - omega_b, 12), "n_s": n_s, "sigma8": sigma8}


def header_values(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the header of a field or catalogue file, by the names of :class:`halonet.storage.FieldHeader`."""
    seed = attributes.get("seed")
    redshift, cosmology = redshift_of(path, attributes), cosmology_said(path, attributes)
    other = (cosmology or {}).get("redshift")
    if redshift is not None and other == 0 and abs(redshift) > SAME:  # which a cosmology says that was never asked
        assume(f"{path}: its redshift is {redshift:g}, and 0 in its attribute cosmology; {redshift:g} is taken")
    elif redshift is not None:
        _check_same(path, {"redshift": {"redshift": redshift}, "cosmology": cosmology or {}})
    return {
        "box_size_mpc": box_size_of(path, attributes),
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


def json_or_note(value: Any) -> dict[str, Any]:
    """An attribute that is a JSON object, or else what it says as a note."""
    text = text_of(value)
    values = _from_json(text)
    return {"note": str(value) if text is None else text} if values is None else values
