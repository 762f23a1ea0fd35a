"""Predicted haloes beside the true ones: one job per test box, and their mean and scatter."""


rule measure_statistics:
    input:
        true_mask=f"{LAYOUT.ground_truth}/{{box}}/mask.h5",
        true_haloes=KEPT.true_haloes(["{box}"]),
        true_owners=KEPT.true_owners(["{box}"]),
        probability=INPUTS.probability_behind("{box}"),
        haloes=INPUTS.found_haloes(),
        known_centres=INPUTS.found_haloes("known_centres/{box}"),
        density=INPUTS.density_of_shapes(),
    output:
        statistics=f"{LAYOUT.statistics}/{{network}}/{{box}}.json",
    log:
        f"{LAYOUT.logs}/measure_statistics/{{network}}/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/measure_statistics/{{network}}/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("measure_statistics"),
    params:
        **PARAMETERS.of_script("measure_statistics"),
        settings=as_json(SETTINGS.statistics),
        haloes=lambda wildcards, input: [
            *given("--true-haloes", input.true_haloes),
            *given("--true-owners", input.true_owners),
            *given("--haloes", input.haloes),
            *given("--known-centres", input.known_centres),
            *given("--density", input.density),
        ],
    shell:
        "python {params.script:q} --true-mask {input.true_mask:q} --probability {input.probability:q} {params.haloes:q}"
        " --settings {params.settings:q} --statistics {output.statistics:q} > {log:q} 2>&1"


rule summarise_statistics:
    input:
        statistics=expand(
            f"{LAYOUT.statistics}/{{{{network}}}}/{{box}}.json",
            box=LAYOUT.test_cosmologies[LAYOUT.test_boxes[0]],
        ),
        power_spectrum=LAYOUT.power_spectrum(LAYOUT.test_boxes[0]),
    output:
        summary=f"{LAYOUT.statistics}/{{network}}/summary.json",
    log:
        f"{LAYOUT.logs}/summarise_statistics/{{network}}.log",
    benchmark:
        f"{LAYOUT.logs}/summarise_statistics/{{network}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("summarise_statistics"),
    params:
        **PARAMETERS.of_script("summarise_statistics"),
        cosmology=as_json(LAYOUT.cosmology_of(LAYOUT.test_boxes[0])),
    shell:
        "python {params.script:q} --statistics {input.statistics:q} --cosmology {params.cosmology:q}"
        " --power-spectrum {input.power_spectrum:q} --summary {output.summary:q} > {log:q} 2>&1"


# Where test boxes differ in cosmology, figures and report are of the first one; every other has a summary of its own.
use rule summarise_statistics as summarise_another_cosmology with:
    input:
        statistics=lambda wildcards: expand(
            f"{LAYOUT.statistics}/{wildcards.network}/{{box}}.json",
            box=LAYOUT.test_cosmologies[wildcards.box],
        ),
        power_spectrum=lambda wildcards: LAYOUT.power_spectrum(wildcards.box),
    output:
        summary=f"{LAYOUT.statistics}/{{network}}/summary_{{box}}.json",
    log:
        f"{LAYOUT.logs}/summarise_another_cosmology/{{network}}/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/summarise_another_cosmology/{{network}}/{{box}}.tsv"
    resources:
        **RESOURCES.of_rule("summarise_another_cosmology"),
    params:
        cosmology=lambda wildcards: as_json(LAYOUT.cosmology_of(wildcards.box)),
