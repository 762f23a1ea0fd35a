"""Probability -> haloes; where asked for, thresholds fitted on boxes of known truth, never on test boxes."""


rule calibrate_thresholds:
    input:
        probability=probability_behind(*calibration_boxes()),
        haloes=expand(f"{GROUND_TRUTH}/{{box}}/haloes.h5", box=calibration_boxes()),
    output:
        thresholds=f"{HALOES}/{{network}}/thresholds.json",
    log:
        f"{LOGS}/calibrate_thresholds/{{network}}.log",
    benchmark:
        f"{LOGS}/calibrate_thresholds/{{network}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("calibrate_thresholds"),
        runtime=runtime("calibrate_thresholds"),
    params:
        script=script("calibrate_thresholds"),
        code=digest("calibrate_thresholds"),
        settings=finding,
    shell:
        "python {params.script} --probability {input.probability} --haloes {input.haloes}"
        " --settings {params.settings:q} --thresholds {output.thresholds} > {log} 2>&1"


rule find_haloes:
    input:
        probability=probability_behind("{box}"),
        density=f"{GROUND_TRUTH}/{{box}}/density.h5",
        thresholds=lambda wildcards: thresholds_of(wildcards.network),
    output:
        haloes=f"{HALOES}/{{network}}/{{box}}.h5",
    log:
        f"{LOGS}/find_haloes/{{network}}/{{box}}.log",
    benchmark:
        f"{LOGS}/find_haloes/{{network}}/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("find_haloes"),
        runtime=runtime("find_haloes"),
    params:
        script=script("find_haloes"),
        code=digest("find_haloes"),
        beside=lambda wildcards, input: ["--density", input.density],
        settings=finding,
        thresholds=lambda wildcards, input: (
            ["--thresholds", *input.thresholds] if input.thresholds else []
        ),
    shell:
        "python {params.script} --probability {input.probability} {params.beside} {params.thresholds}"
        " --settings {params.settings:q} --haloes {output.haloes} > {log} 2>&1"


# A diagnostic: what these haloes get wrong is the network's, not the search's.
use rule find_haloes as find_haloes_at_known_centres with:
    input:
        probability=probability_behind("{box}"),
        centres=f"{GROUND_TRUTH}/{{box}}/haloes.h5",
        thresholds=lambda wildcards: thresholds_of(wildcards.network),
    output:
        haloes=f"{HALOES}/{{network}}/known_centres/{{box}}.h5",
    log:
        f"{LOGS}/find_haloes_at_known_centres/{{network}}/{{box}}.log",
    benchmark:
        f"{LOGS}/find_haloes_at_known_centres/{{network}}/{{box}}.tsv"
    resources:
        mem_mb=memory("find_haloes_at_known_centres"),
        runtime=runtime("find_haloes_at_known_centres"),
    params:
        beside=lambda wildcards, input: ["--known-centres", input.centres],
