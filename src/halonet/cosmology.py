"""Background, growth and linear power spectrum of a flat universe of matter and dark energy, without radiation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import integrate

from halonet.checks.assumptions import assume
from halonet.dark_energy import density_ratio, equation_of_state, growing_mode
from halonet.settings import CosmologySettings, SettingsError, stage_settings, validate
from halonet.storage import FieldHeader, StorageError, write_text
from halonet.user_cache import folder_for_others

SAME = 1e-6  # of values of a cosmology

CRITICAL_DENSITY = 2.775e11  # h^2 Msun / Mpc^3, the value of the HaloNet paper (section 5.1)
WAVENUMBERS = np.geomspace(1e-5, 50.0, 2000)  # 1/Mpc; beyond the corner mode of a grid of 0.11 Mpc cells


OPTIONAL = ("redshift", "w0", "wa")  # a cosmology that does not name them is LambdaCDM
DECIDING = ("h", "omega_b", "omega_cdm")  # masses and distances: never guessed where a file says part of a cosmology


def declared(values: Mapping[str, Any], source: str | Path) -> CosmologySettings:
    """The cosmology that a file declares; what it leaves out is said, and refused where masses hang on it.

    Raises
    ------
    SettingsError
        If h or the matter density is missing, or a value is not possible.
    """
    given = set(values) & set(CosmologySettings.model_fields)
    missing = [name for name in CosmologySettings.model_fields if name not in given and name not in OPTIONAL]
    if given and (deciding := [name for name in DECIDING if name in missing]):
        raise SettingsError(
            f"{source}: its cosmology names {', '.join(sorted(given))} and not {', '.join(deciding)}, on which every "
            "mass hangs; write all of them into its attribute cosmology, or give --cosmology"
        )
    cosmology = validate(CosmologySettings, dict(values), f"{source}: cosmology")
    if missing:
        taken = ", ".join(f"{name} = {getattr(cosmology, name):g}" for name in missing)
        assume(f"{source}: its cosmology does not name {', '.join(missing)}; {taken} of the paper")
    return cosmology


def default_cosmology(source: str | Path) -> CosmologySettings:
    """The paper's cosmology, for a file that names none, which is said."""
    cosmology = CosmologySettings()
    values = ", ".join(f"{name} = {value:g}" for name, value in cosmology.model_dump(exclude={"redshift"}).items())
    assume(f"{source}: names no cosmology; the paper's is taken, {values}")
    return cosmology


def say_replaced(said: Mapping[str, Any] | None, given: CosmologySettings, source: str | Path) -> None:
    """Say which values of a file's own cosmology one that is given replaces; that it is at another redshift is not."""
    held = {name: value for name, value in (said or {}).items() if isinstance(value, int | float)}
    values = given.model_dump(exclude={"redshift"}).items()
    other = [
        f"{name} = {value:g} for {held[name]:g}" for name, value in values if abs(held.get(name, value) - value) > SAME
    ]
    if other:
        assume(f"{source}: its cosmology is replaced by the one that is given: {', '.join(other)}")


def cosmology_of(header: FieldHeader, given: str | None, source: str | Path) -> CosmologySettings:
    """Cosmology of a field: ``given``, JSON or a JSON file, or else what the field says, or the paper's.

    Its redshift is the field's where the field has one. ``source`` names the field in messages.
    """
    if given:
        cosmology = stage_settings(CosmologySettings, given)
        say_replaced(header.cosmology, cosmology, source)
    elif header.cosmology is None:
        cosmology = default_cosmology(source)
    else:
        cosmology = declared(header.cosmology, source)
    if header.redshift is None:
        return cosmology
    return validate(CosmologySettings, {**cosmology.model_dump(), "redshift": header.redshift}, str(source))


def mean_matter_density(cosmology: CosmologySettings) -> float:
    """Comoving mean matter density (Msun / Mpc^3)."""
    return CRITICAL_DENSITY * cosmology.omega_m * cosmology.h**2


def expansion_rate(cosmology: CosmologySettings, redshift: float) -> float:
    """E(z) = H(z) / H0."""
    matter = cosmology.omega_m * (1 + redshift) ** 3
    if cosmology.has_constant:
        return (matter + 1 - cosmology.omega_m) ** 0.5
    return (matter + (1 - cosmology.omega_m) * density_ratio(cosmology, 1 / (1 + redshift))) ** 0.5


def hubble_rate(cosmology: CosmologySettings, redshift: float) -> float:
    """H(z) in km/s/Mpc."""
    return 100 * cosmology.h * expansion_rate(cosmology, redshift)


def matter_fraction(cosmology: CosmologySettings, redshift: float) -> float:
    """Matter density in units of the critical density at ``redshift``."""
    return cosmology.omega_m * (1 + redshift) ** 3 / expansion_rate(cosmology, redshift) ** 2


def friction(cosmology: CosmologySettings, redshift: float) -> float:
    """2 + dlnE / dlna, what expansion takes from growth per ln a."""
    matter, w = matter_fraction(cosmology, redshift), equation_of_state(cosmology, 1 / (1 + redshift))
    return 2 - 1.5 * matter - 1.5 * (1 + w) * (1 - matter)


def _growing_mode(cosmology: CosmologySettings, redshift: float) -> float:
    """Growing mode, equal to the scale factor in matter domination; of LambdaCDM by Heath's integral (1977)."""
    omega_m, scale = cosmology.omega_m, 1 / (1 + redshift)
    if not cosmology.has_constant:
        return growing_mode(cosmology, scale)[0]

    def integrand(a: float) -> float:
        return (a / (omega_m + (1 - omega_m) * a**3)) ** 1.5

    integral = integrate.quad(integrand, 0, scale, epsabs=0, epsrel=1e-12)[0]
    return 2.5 * omega_m * expansion_rate(cosmology, redshift) * integral


def growth_factor(cosmology: CosmologySettings, redshift: float) -> float:
    """Linear growth factor D(z), 1 today."""
    return _growing_mode(cosmology, redshift) / _growing_mode(cosmology, 0.0)


def growth_rate(cosmology: CosmologySettings, redshift: float) -> float:
    """f = dlnD / dlna, exact; of LambdaCDM the derivative of Heath's integral."""
    if not cosmology.has_constant:
        factor, slope = growing_mode(cosmology, 1 / (1 + redshift))
        return slope / factor
    omega = matter_fraction(cosmology, redshift)
    return omega * (2.5 / ((1 + redshift) * _growing_mode(cosmology, redshift)) - 1.5)


def compute_power_spectrum(cosmology: CosmologySettings) -> tuple[np.ndarray, np.ndarray]:
    """Linear matter power spectrum today by CAMB, scaled to sigma8.

    Returns
    -------
    k, power
        Wavenumber (1/Mpc) and P(k) (Mpc^3), shapes (n,).
    """
    import camb

    h2 = cosmology.h**2
    # CAMB's fluid with w below -1 at any time: Fang, Hu & Lewis 2008.
    dark = {} if cosmology.has_constant else {"dark_energy_model": "ppf", "w": cosmology.w0, "wa": cosmology.wa}
    parameters = camb.set_params(
        H0=100 * cosmology.h,
        ombh2=cosmology.omega_b * h2,
        omch2=cosmology.omega_cdm * h2,
        omk=0.0,
        mnu=0.0,
        num_massive_neutrinos=0,
        TCMB=2.725,
        ns=cosmology.n_s,
        As=2e-9,
        WantTransfer=True,
        **dark,
    )
    parameters.set_matter_power(redshifts=[0.0], kmax=1.2 * WAVENUMBERS[-1])
    results = camb.get_results(parameters)
    spectrum = results.get_matter_power_interpolator(nonlinear=False, hubble_units=False, k_hunit=False)
    power = spectrum.P(0.0, WAVENUMBERS) * (cosmology.sigma8 / results.get_sigma8_0()) ** 2
    return WAVENUMBERS, power


def use_in_colossus(cosmology: CosmologySettings) -> None:
    """Make ``cosmology`` the one of colossus, which has one at a time; without radiation, as here."""
    from colossus import settings
    from colossus.cosmology import cosmology as colossus

    settings.BASE_DIR = str(folder_for_others("colossus"))  # tables of concentrations; not the home folder, if any
    dark = {} if cosmology.has_constant else {"de_model": "w0wa", "w0": cosmology.w0, "wa": cosmology.wa}
    colossus.setCosmology(
        "halonet",
        flat=True,
        H0=100 * cosmology.h,
        Om0=cosmology.omega_m,
        Ob0=cosmology.omega_b,
        sigma8=cosmology.sigma8,
        ns=cosmology.n_s,
        relspecies=False,
        persistence="",
        **dark,
    )


def sigma_of_radius(k: np.ndarray, power: np.ndarray, radius: float) -> float:
    """Standard deviation of the linear density in a top-hat of ``radius`` (Mpc).

    ``k`` (1/Mpc) and ``power`` (Mpc^3) are the linear power spectrum, shape (wavenumbers,).
    """
    from halonet.grid.windows import top_hat

    integrand = power * k**3 * top_hat(k * radius) ** 2 / (2 * np.pi**2)
    return float(integrate.simpson(integrand, x=np.log(k)) ** 0.5)


def write_power_spectrum(path: str | Path, k: np.ndarray, power: np.ndarray) -> None:
    """Write a linear power spectrum as CSV: ``k`` (1/Mpc) and ``power`` (Mpc^3), shape (wavenumbers,)."""
    import pandas as pd  # here, as it takes a quarter of a second, and few scripts need it

    table = pd.DataFrame({"k_per_mpc": k, "power_mpc3": power})
    write_text(path, table.to_csv(index=False, float_format="%.10e"))


def read_power_spectrum(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a linear power spectrum at z = 0 that :func:`write_power_spectrum` or a user wrote.

    Returns k (1/Mpc), ascending, and P(k) (Mpc^3), float64 of shape (wavenumbers,). Other files are refused.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path)
        k, power = (table[name].to_numpy(float) for name in ("k_per_mpc", "power_mpc3"))
    except (OSError, KeyError, ValueError) as error:
        raise StorageError(f"{path}: columns k_per_mpc and power_mpc3 are needed ({error})") from None
    if len(k) < 2 or not (np.isfinite(power).all() and (np.diff(k) > 0).all() and k[0] > 0 and (power >= 0).all()):
        raise StorageError(f"{path}: k_per_mpc must rise from above 0 and power_mpc3 be finite and not negative")
    return k, power
