"""The cosmology that a user's file says: in JSON, by the name of a known one, or in attributes of their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from halonet.checks.assumptions import assume
from halonet.checks.attribute_values import check_same, from_json, named, number_of, text_of
from halonet.checks.errors import StorageError
from halonet.checks.json_objects import TwiceError, each_once
from halonet.checks.numbers import Number

COSMOLOGY_NAMES = {
    "h": ("h", "HubbleParam", "hubble", "h0", "little_h"),
    "H0": ("H0", "H_0", "HubbleConstant"),
    "omega_m": ("omega_m", "Omega_m", "OmegaM", "Omega0", "Om0", "OmegaMatter", "omega_matter"),
    "omega_b": ("omega_b", "Omega_b", "OmegaB", "Ob0", "OmegaBaryon"),
    "omega_cdm": ("omega_cdm", "Omega_cdm", "OmegaCDM", "Omega_c"),
    "n_s": ("n_s", "ns", "PrimordialIndex", "spectral_index"),
    "sigma8": ("sigma8", "sigma_8", "Sigma8", "s8"),
    "w0": ("w0", "w_0", "W0", "w"),
    "wa": ("wa", "w_a", "Wa"),
    "m_nu": ("m_nu", "mnu", "Mnu", "M_nu", "sum_m_nu", "neutrino_mass"),
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
LAMBDAS = ("OmegaLambda", "Omega_Lambda", "omega_lambda", "OmegaL", "Omega_L", "Ode0", "OmegaDE")
RADIATION = 2e-3  # in units of the critical density, which codes may have left out
CURVATURES, FLAT = ("Omega_k", "OmegaK", "Ok0", "omega_k", "OmegaCurvature", "curvature"), 1e-3
FLAT_IN_WORDS = "flat"


def cosmology_said(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a file says of its cosmology, which must be flat; see :func:`_said`."""
    said = _said(path, attributes)
    matter = _matter(said or {})
    for name in named(attributes, LAMBDAS):
        dark = number_of(path, name, attributes[name], Number())
        if matter is not None and abs(matter + dark - 1) > RADIATION:
            raise StorageError(
                f"{path}: {name} = {dark:g}, and matter {matter:g}; universes are flat here, so that both make 1"
            )
    return said


def _matter(said: Mapping[str, Any]) -> float | None:
    """Matter density that baryons and cold dark matter make; None where one of them is not said as a number."""
    parts = [part for name in ("omega_b", "omega_cdm") if isinstance(part := said.get(name), int | float)]
    return sum(parts) if len(parts) == 2 else None


def _said(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a file says of its cosmology, by the names of the settings; None where it says nothing that is understood.

    JSON in ``cosmology``, the name of a known one, or attributes of their own like ``Omega_m``.
    """
    if "cosmology" in attributes:
        text = text_of(attributes["cosmology"])
        try:
            values = from_json(text, each_once)
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
    check_same(path, each)
    return by_setting(path, {name: value for said in each.values() for name, value in said.items()}) if each else None


def _completed(path: str | Path, values: dict, loose: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A cosmology in JSON, with what of it is said by attributes of their own alone; both must say the same.

    Dark energy that JSON leaves out is a cosmological constant, as this project writes it.
    """
    said = by_setting(path, values)
    matter = _matter(said)
    whole = {} if matter is None else {"omega_m": matter}
    check_same(path, {"cosmology": {"w0": -1.0, "wa": 0.0} | said | whole} | loose)
    others = {name: value for each in loose.values() for name, value in each.items() if name not in said}
    return by_setting(path, others | said)


def _each_loose(path: str | Path, attributes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each attribute of its own says of the cosmology, like ``Omega_m``, by the name of the setting."""
    for name in named(attributes, CURVATURES):
        if text_of(attributes[name]) != FLAT_IN_WORDS and abs(number_of(path, name, attributes[name], Number())) > FLAT:
            raise StorageError(f"{path}: {name} = {attributes[name]}; universes are flat here")
    found = {}
    for setting, names in COSMOLOGY_NAMES.items():
        for name in named(attributes, names):
            found[name] = _as_setting(setting, number_of(path, name, attributes[name], Number()))
    return found


def _as_setting(name: str, value: Any) -> dict[str, Any]:
    return {"h": value / 100} if name == "H0" and isinstance(value, int | float) else {name: value}


def by_setting(path: str | Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """A cosmology under the names of the settings; names that are not known stay, and are refused with them."""
    settings = {name: setting for setting, names in COSMOLOGY_NAMES.items() for name in named(values, names)}
    check_same(path, {name: _as_setting(settings.get(name, name), value) for name, value in values.items()})
    said = {settings.get(name, name): value for name, value in values.items()}
    if "H0" in said:
        said.setdefault("h", number_of(path, "H0", said.pop("H0"), Number(above=0)) / 100)
        said.pop("H0", None)
    if "omega_m" in said:
        matter = said.pop("omega_m")
        if (parts := _matter(said)) is not None:
            check_same(path, {"Omega_m": {"omega_m": matter}, "omega_b and omega_cdm": {"omega_m": parts}})
        if "omega_cdm" not in said:
            if "omega_b" not in said:
                said["omega_b"] = 0.043
                assume(f"{path}: no baryon density is given; omega_b = 0.043 of Omega_m = {matter} is taken")
            said["omega_cdm"] = round(number_of(path, "omega_m", matter, Number(above=0)) - said["omega_b"], 12)
    return said


def _of_matter(h: float, omega_m: float, omega_b: float, n_s: float, sigma8: float) -> dict[str, float]:
    return {"h": h, "omega_b": omega_b, "omega_cdm": round(omega_m - omega_b, 12), "n_s": n_s, "sigma8": sigma8}
