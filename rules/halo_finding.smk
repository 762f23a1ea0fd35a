"""Probability -> haloes; where asked for, thresholds fitted on boxes of known truth, never on test boxes."""


rule calibrate_thresholds:
    input:
        probability=INPUTS.probability_behind(*LAYOUT.calibration_boxes),
        haloes=expand(
            f"{LAYOUT.ground_truth}/{{box}}/haloes.h5", box=LAYOUT.calibration_boxes
        ),
    output:
        thresholds=f"{LAYOUT.haloes}/{{network}}/thresholds.json",
    log:
        f"{LAYOUT.logs}/calibrate_thresholds/{{network}}.log",
    benchmark:
        f"{LAYOUT.logs}/calibrate_thresholds/{{network}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("calibrate_thresholds"),
    params:
        **PARAMETERS.of_script("calibrate_thresholds"),
        settings=PARAMETERS.finding,
    shell:
        "python {params.script:q} --probability {input.probability:q} --haloes {input.haloes:q}"
        " --settings {params.settings:q} --thresholds {output.thresholds:q} > {log:q} 2>&1"


rule find_haloes:
    input:
        probability=INPUTS.probability_behind("{box}"),
        density=f"{LAYOUT.ground_truth}/{{box}}/density.h5",
        thresholds=INPUTS.thresholds,
    output:
        haloes=f"{LAYOUT.haloes}/{{network}}/{{box}}.h5",
    log:
        f"{LAYOUT.logs}/find_haloes/{{network}}/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/find_haloes/{{network}}/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("find_haloes"),
    params:
        **PARAMETERS.of_script("find_haloes"),
        beside=lambda wildcards, input: [
            "--density",
            input.density,
            *PARAMETERS.outside_validity(),
        ],
        settings=PARAMETERS.finding,
        thresholds=lambda wildcards, input: given("--thresholds", input.thresholds),
    shell:
        "python {params.script:q} --probability {input.probability:q} {params.beside:q} {params.thresholds:q}"
        " --settings {params.settings:q} --haloes {output.haloes:q} > {log:q} 2>&1"


# A diagnostic: what these haloes get wrong is the network's, not the search's.
use rule find_haloes as find_haloes_at_known_centres with:
    input:
        probability=INPUTS.probability_behind("{box}"),
        centres=f"{LAYOUT.ground_truth}/{{box}}/haloes.h5",
        thresholds=INPUTS.thresholds,
    output:
        haloes=f"{LAYOUT.haloes}/{{network}}/known_centres/{{box}}.h5",
    log:
        f"{LAYOUT.logs}/find_haloes_at_known_centres/{{network}}/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/find_haloes_at_known_centres/{{network}}/{{box}}.tsv"
    resources:
        **RESOURCES.of_rule("find_haloes_at_known_centres"),
    params:
        beside=lambda wildcards, input: ["--known-centres", input.centres],
