"""Whose haloes a network has learnt, in the words of its card, by the stage of the pipeline that made them."""

TRUTHS = {
    "peak_patch": "Peak Patch haloes",
    "friends_of_friends": "friends-of-friends haloes of N-body simulations",
    "import_ground_truth": "haloes of a user's own",
}
LEARNT = {
    "peak_patch": "The truth it learnt is Peak Patch, not an N-body simulation: it inherits the errors of that.",
    "friends_of_friends": "The truth it learnt is a particle-mesh simulation with one particle a cell: haloes of few "
    "particles are its noise as well (docs/n_body.md). Haloes and masses are those of friends of friends.",
    "import_ground_truth": "The truth it learnt was given by its user.",
    None: "Its folder does not say whose haloes it has learnt.",
}
