"""All halo finders, by the names that settings give them."""

from halonet.halo_finding.fitted.finder import FittedFinder
from halonet.halo_finding.method import Method
from halonet.halo_finding.paper.finder import PaperFinder
from halonet.halo_finding.votes.finder import VoteFinder

METHODS: dict[str, type[Method]] = {"paper": PaperFinder, "fitted": FittedFinder, "votes": VoteFinder}
