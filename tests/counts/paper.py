"""Jobs of the paper's run: each box is drawn and searched, each test box predicted, the rest is done once."""

BOXES, TEST, ONCE, CHAINS, DRAWS = 256, 32, 1, 4, 2
PAPER = {
    "draw_density": BOXES,
    "find_peak_patch_haloes": BOXES,
    **dict.fromkeys(("predict_mask", "find_haloes", "find_haloes_at_known_centres", "measure_statistics"), TEST),
    **dict.fromkeys(("compute_power_spectrum", "solve_collapse_table", "slice_subvolumes", "train_network"), ONCE),
    **dict.fromkeys(("summarise_statistics", "draw_figures", "write_report"), ONCE),
    **dict.fromkeys(("prepare_neural_bias", "summarise_neural_bias", "draw_neural_bias_figures"), ONCE),
    "sample_neural_bias": CHAINS,
    "draw_neural_bias_haloes": DRAWS,
}
