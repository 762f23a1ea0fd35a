"""How every halo finder is calibrated, by the names that settings give them.

A table of its own beside :mod:`halonet.halo_finding.table`: what finds haloes must not be remade where only the
calibration has changed.
"""

from halonet.halo_finding.fitted import calibrate as fitted
from halonet.halo_finding.method import Calibrate
from halonet.halo_finding.paper import calibrate as paper
from halonet.halo_finding.votes import calibrate as votes

CALIBRATIONS: dict[str, Calibrate] = {
    "paper": paper.calibrate,
    "fitted": fitted.calibrate,
    "votes": votes.calibrate,
}
