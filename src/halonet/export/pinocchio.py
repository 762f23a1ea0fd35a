"""Catalogues of PINOCCHIO at one redshift, in ASCII (its ``CatalogInAscii`` and ``OutputInH100``).

Header lines start with ``#``; then one line per halo with 12 numbers: group ID, mass (Msun/h), initial position
(Mpc/h), final position (Mpc/h), velocity (km/s), number of particles. Source: DOCUMENTATION of PINOCCHIO 5.1, section
5, and the print format of its ``write_halos.c``.
"""

import re
from pathlib import Path

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.checks.numbers import Number, NumberError
from halonet.export.rows import ForeignError, ForeignRows
from halonet.export.units import in_mpc_per_h, in_msun_per_h
from halonet.settings import CosmologySettings
from halonet.storage import atomic_path

LINE = " %12d %13.6e" + 9 * " %10.2f" + " %12d"
COLUMNS_IN_FILE = 12
DECIMALS = 2  # of positions and velocities in PINOCCHIO's own files
TITLE = """\
# Group catalog for redshift {redshift:f} and minimal mass of {particles} particle{plural}
# All quantities are relative to H0=100 km/s/Mpc
#    1) group ID
#    2) group mass (Msun/h)
# 3- 5) initial position (Mpc/h)
# 6- 8) final position (Mpc/h)
# 9-11) velocity (km/s)
#   12) number of particles
#
"""


def write_pinocchio(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings) -> None:
    """Write PINOCCHIO's ASCII catalogue; group ID is the row of the catalogue, particles are cells of its grid."""
    # Cells of a Peak Patch halo are the volume of its sphere, which need not be a whole number.
    particles = np.rint(catalogue["cells"]).astype(np.int64)
    least = int(particles.min()) if len(particles) else 1
    rows = np.column_stack(
        (
            np.arange(len(catalogue)),
            in_msun_per_h(catalogue["mass"], cosmology),
            _printed_positions(catalogue, LAGRANGIAN, cosmology),
            _printed_positions(catalogue, EULERIAN, cosmology),
            catalogue.positions(VELOCITY),
            particles,
        )
    )
    with atomic_path(path) as temporary, open(temporary, "w", encoding="ascii") as file:
        title = TITLE.format(redshift=catalogue.header.redshift, particles=least, plural="" if least == 1 else "s")
        file.write(title)
        np.savetxt(file, rows, fmt=LINE)


def _printed_positions(catalogue: HaloCatalogue, names: tuple[str, ...], cosmology: CosmologySettings) -> np.ndarray:
    """Positions (Mpc/h) as they will be printed; one that rounds up to the side of the box is at 0."""
    rounded = np.round(in_mpc_per_h(catalogue.positions(names), cosmology), DECIMALS)
    return np.where(rounded >= in_mpc_per_h(catalogue.box_size_mpc, cosmology), 0.0, rounded)


def read_pinocchio(path: str | Path, cosmology: CosmologySettings) -> ForeignRows:
    """Haloes of PINOCCHIO's ASCII catalogue at one redshift, written with ``OutputInH100``."""
    with open(path, encoding="ascii", errors="replace") as file:
        lines = file.readlines()
    title = "".join(line for line in lines if line.startswith("#"))
    redshift = re.search(r"for redshift\s+([\d.eE+-]+)", title)
    if redshift is None or "H0=100" not in title:
        missing = "no redshift" if redshift is None else "no word that quantities are relative to H0=100"
        raise ForeignError(
            f"{path}: its header has {missing}: PINOCCHIO's catalogue of a box at one redshift is needed, in ASCII, "
            "written with CatalogInAscii and OutputInH100"
        )
    try:
        at = Number()(redshift[1])
    except NumberError as error:
        raise ForeignError(f"{path}: redshift in its header: {error}") from None
    texts = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    wrong = next((words for words in texts if len(words) != COLUMNS_IN_FILE), None)
    if wrong is not None:
        raise ForeignError(
            f"{path}: {len(wrong)} numbers in a line where {COLUMNS_IN_FILE} are due: {' '.join(wrong)[:60]}"
        )
    try:
        rows = np.array(texts, dtype=np.float64).reshape(-1, COLUMNS_IN_FILE)
    except ValueError as error:
        raise ForeignError(f"{path}: a line is no numbers ({error})") from None
    if not np.isfinite(rows).all() or (rows[:, [1, 11]] <= 0).any():
        raise ForeignError(
            f"{path}: values that are not finite, or masses or numbers of particles that are not positive"
        )
    return ForeignRows(
        redshift=at,
        mass=rows[:, 1] / cosmology.h,
        lagrangian=rows[:, 2:5] / cosmology.h,
        eulerian=rows[:, 5:8] / cosmology.h,
        velocity=rows[:, 8:11],
        rounding=10.0**-DECIMALS / cosmology.h,
        particles=rows[:, 11],
    )
