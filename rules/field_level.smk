"""Field-level inference: haloes of one box -> chains of phases and bias parameters -> summary, catalogues, constrained boxes."""

CHAIN = (
    "cells",
    "minimum_mass_msun",
    "maximum_mass_msun",
    "lpt_order",
    "supersample",
    "density_floor",
    "engine",
    "precision",
    "phases",
    "theta",
    "start",
    "start_scale",
    "warmup",
    "samples",
    "thinning",
    "phase_thinning",
    "checkpoint_interval",
)


rule prepare_field_level:
    input:
        density=f"{LAYOUT.ground_truth}/{LAYOUT.field_level_box}/density.h5",
        haloes=f"{LAYOUT.ground_truth}/{LAYOUT.field_level_box}/haloes.h5",
        power_spectrum=LAYOUT.power_spectrum(LAYOUT.field_level_box),
    output:
        inputs=f"{LAYOUT.field_level}/inputs.h5",
    log:
        f"{LAYOUT.logs}/prepare_field_level.log",
    benchmark:
        f"{LAYOUT.logs}/prepare_field_level.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("prepare_field_level"),
    params:
        **PARAMETERS.of_script("prepare_field_level"),
        settings=PARAMETERS.field_level(
            "cells",
            "minimum_mass_msun",
            "maximum_mass_msun",
            "lpt_order",
            "supersample",
            "density_floor",
            "phases",
        ),
        cosmology=as_json(LAYOUT.cosmology_of(LAYOUT.field_level_box)),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --haloes {input.haloes:q} --truth {input.density:q} --drop --seed {params.seed:q}"
        " --power-spectrum {input.power_spectrum:q} --settings {params.settings:q} --cosmology {params.cosmology:q}"
        " --inputs {output.inputs:q} > {log:q} 2>&1"


rule sample_field_level:
    input:
        inputs=f"{LAYOUT.field_level}/inputs.h5",
    output:
        chain=f"{LAYOUT.field_level}/chain_{{chain}}.h5",
    log:
        f"{LAYOUT.logs}/sample_field_level/{{chain}}.log",
    benchmark:
        f"{LAYOUT.logs}/sample_field_level/{{chain}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("sample_field_level"),
    params:
        **PARAMETERS.of_script("sample_field_level"),
        settings=PARAMETERS.field_level(*CHAIN),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --settings {params.settings:q} --seed {params.seed:q}"
        " --chain {wildcards.chain:q} --output {output.chain:q} > {log:q} 2>&1"


rule summarise_field_level:
    input:
        inputs=f"{LAYOUT.field_level}/inputs.h5",
        chains=field_level_chains(LAYOUT),
    output:
        summary=f"{LAYOUT.field_level}/summary.json",
        arrays=f"{LAYOUT.field_level}/arrays.h5",
    log:
        f"{LAYOUT.logs}/summarise_field_level.log",
    benchmark:
        f"{LAYOUT.logs}/summarise_field_level.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("summarise_field_level"),
    params:
        **PARAMETERS.of_script("summarise_field_level"),
        settings=PARAMETERS.field_level(*CHAIN),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --chains {input.chains:q} --settings {params.settings:q}"
        " --seed {params.seed:q} --summary {output.summary:q} --arrays {output.arrays:q} > {log:q} 2>&1"


rule draw_field_level_haloes:
    input:
        inputs=f"{LAYOUT.field_level}/inputs.h5",
        chains=field_level_chains(LAYOUT),
    output:
        haloes=f"{LAYOUT.field_level}/draw_{{draw}}.h5",
    log:
        f"{LAYOUT.logs}/draw_field_level_haloes/{{draw}}.log",
    benchmark:
        f"{LAYOUT.logs}/draw_field_level_haloes/{{draw}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("draw_field_level_haloes"),
    params:
        **PARAMETERS.of_script("draw_field_level_haloes"),
        settings=PARAMETERS.field_level(*CHAIN),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --chains {input.chains:q} --settings {params.settings:q}"
        " --seed {params.seed:q} --draw {wildcards.draw:q} --haloes {output.haloes:q} > {log:q} 2>&1"


rule write_constrained_density:
    input:
        inputs=f"{LAYOUT.field_level}/inputs.h5",
        chains=field_level_chains(LAYOUT),
    output:
        density=f"{LAYOUT.field_level}/constrained/{{draw}}/density.h5",
    log:
        f"{LAYOUT.logs}/write_constrained_density/{{draw}}.log",
    benchmark:
        f"{LAYOUT.logs}/write_constrained_density/{{draw}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("write_constrained_density"),
    params:
        **PARAMETERS.of_script("write_constrained_density"),
        settings=PARAMETERS.field_level(*CHAIN),
        seed=SETTINGS.run.seed,
        cells=SETTINGS.boxes.cells,
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --chains {input.chains:q} --settings {params.settings:q}"
        " --seed {params.seed:q} --sample {wildcards.draw:q} --cells {params.cells:q} --density {output.density:q} > {log:q} 2>&1"


rule draw_field_level_figures:
    input:
        inputs=f"{LAYOUT.field_level}/inputs.h5",
        summary=f"{LAYOUT.field_level}/summary.json",
        arrays=f"{LAYOUT.field_level}/arrays.h5",
    output:
        figures=field_level_figures(LAYOUT),
    log:
        f"{LAYOUT.logs}/draw_field_level_figures.log",
    benchmark:
        f"{LAYOUT.logs}/draw_field_level_figures.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("draw_field_level_figures"),
    params:
        **PARAMETERS.of_script("draw_field_level_figures"),
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --summary {input.summary:q} --arrays {input.arrays:q}"
        ' --figures "$(dirname {output.figures[0]:q})" > {log:q} 2>&1'
