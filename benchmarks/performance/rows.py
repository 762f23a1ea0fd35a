"""Rows of a run beside their limits and peers, and their numbers as text."""

from performance import limits, transforms
from performance.scaling import growths

NONE = "-"


class Run:
    """Rows of a run, with the limit of each and the peers that ran in processes of their own."""

    def __init__(self, result, rows):
        self.result, self.rows = result, rows
        self.rates, self.transforms = limits.rates(rows), transforms.fastest(rows)
        self.own = [one for one in rows if "peer_of" not in one and not one["stage"].startswith("rate of ")]
        for one in rows:
            if "peer_of" in one:
                self._add_peer(one)
        for one in self.own:
            one["limit"] = limits.limit_seconds(one, self.rates, self.transforms)

    def _add_peer(self, peer):
        for one in self.own:
            if (one["stage"], one["cells"]) == (peer["peer_of"], peer["cells"]):
                scale = one["work"]["flops"] / peer["work"]["flops"] if peer.get("per_flop") else 1.0
                one["peers"].append({"name": peer["name"], "seconds": scale * peer["seconds"]})

    def largest(self):
        """The row of every stage with the largest box or the most haloes or boxes, on one rank."""
        found = {}
        for one in self.own:
            if one.get("ranks", 1) == 1:
                before = found.get(one["stage"])
                if before is None or size(one) >= size(before):
                    found[one["stage"]] = one
        return list(found.values())

    def largest_with_peers(self):
        """The largest row of every stage that a peer did, too; not every peer went up to the largest."""
        found = {}
        for one in self.own:
            if one["peers"] and one.get("ranks", 1) == 1:
                before = found.get(one["stage"])
                if before is None or size(one) >= size(before):
                    found[one["stage"]] = one
        return list(found.values())


def size(one):
    return one["cells"] or one.get("haloes") or one.get("boxes") or 0


def size_text(one):
    if one["cells"]:
        window = f", windows of {one['window']}³" if "window" in one else ""
        threads = f", {one['threads']} threads" if one.get("threads", 1) > 1 else ""
        return f"{one['cells']}³{window}{threads}"
    return f"{one['haloes']:,} haloes" if one.get("haloes") else f"{one['boxes']} boxes" if one.get("boxes") else NONE


def seconds_text(seconds):
    if seconds is None:
        return NONE
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def fastest_peer(one):
    return min((peer["seconds"] for peer in one["peers"] if "seconds" in peer), default=None)


def growth_panels(run):
    rows = [one for one in run.own if one.get("ranks", 1) == 1 and "window" not in one]
    # Training steps have one size, and transforms of tiny boxes stay within caches.
    return [
        ("cells of the box", growths([one for one in rows if "preset" not in one], "cells")),
        ("haloes", growths([one for one in rows if not one["cells"] and "voxels" not in one], "haloes")),
        ("boxes planned", growths(rows, "boxes")),
    ]
