"""Predicted haloes beside the true ones: one job per test box, and their mean and scatter."""


rule measure_statistics:
    input:
        true_mask=f"{GROUND_TRUTH}/{{box}}/mask.h5",
        true_haloes=true_haloes(["{box}"]),
        true_owners=true_owners(["{box}"]),
        probability=probability_behind("{box}"),
        haloes=found_haloes_to_compare(),
        known_centres=found_haloes_to_compare("known_centres/{box}"),
        density=density_to_compare(),
    output:
        statistics=f"{STATISTICS}/{{network}}/{{box}}.json",
    log:
        f"{LOGS}/measure_statistics/{{network}}/{{box}}.log",
    benchmark:
        f"{LOGS}/measure_statistics/{{network}}/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("measure_statistics"),
        runtime=runtime("measure_statistics"),
    params:
        script=script("measure_statistics"),
        code=digest("measure_statistics"),
        settings=as_json(SETTINGS.statistics),
        haloes=lambda wildcards, input: [
            *given("--true-haloes", input.true_haloes),
            *given("--true-owners", input.true_owners),
            *given("--haloes", input.haloes),
            *given("--known-centres", input.known_centres),
            *given("--density", input.density),
        ],
    shell:
        "python {params.script} --true-mask {input.true_mask} --probability {input.probability} {params.haloes}"
        " --settings {params.settings:q} --statistics {output.statistics} > {log} 2>&1"


rule summarise_statistics:
    input:
        statistics=expand(f"{STATISTICS}/{{{{network}}}}/{{box}}.json", box=TEST_BOXES),
        power_spectrum=f"{COSMOLOGY}/power_spectrum.csv",
    output:
        summary=f"{STATISTICS}/{{network}}/summary.json",
    log:
        f"{LOGS}/summarise_statistics/{{network}}.log",
    benchmark:
        f"{LOGS}/summarise_statistics/{{network}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("summarise_statistics"),
        runtime=runtime("summarise_statistics"),
    params:
        script=script("summarise_statistics"),
        code=digest("summarise_statistics"),
        cosmology=as_json(SETTINGS.cosmology),
    shell:
        "python {params.script} --statistics {input.statistics} --cosmology {params.cosmology:q}"
        " --power-spectrum {input.power_spectrum} --summary {output.summary} > {log} 2>&1"
