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
        density=f"{GROUND_TRUTH}/{FIELD_LEVEL_BOX}/density.h5",
        haloes=f"{GROUND_TRUTH}/{FIELD_LEVEL_BOX}/haloes.h5",
        power_spectrum=f"{COSMOLOGY}/power_spectrum.csv",
    output:
        inputs=f"{FIELD_LEVEL}/inputs.h5",
    log:
        f"{LOGS}/prepare_field_level.log",
    benchmark:
        f"{LOGS}/prepare_field_level.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("prepare_field_level"),
        runtime=runtime("prepare_field_level"),
    params:
        script=script("prepare_field_level"),
        code=digest("prepare_field_level"),
        settings=field_level_settings(
            "cells",
            "minimum_mass_msun",
            "maximum_mass_msun",
            "lpt_order",
            "supersample",
            "density_floor",
            "phases",
        ),
        cosmology=as_json(SETTINGS.cosmology),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --haloes {input.haloes} --truth {input.density} --drop --seed {params.seed}"
        " --power-spectrum {input.power_spectrum} --settings {params.settings:q} --cosmology {params.cosmology:q}"
        " --inputs {output.inputs} > {log} 2>&1"


rule sample_field_level:
    input:
        inputs=f"{FIELD_LEVEL}/inputs.h5",
    output:
        chain=f"{FIELD_LEVEL}/chain_{{chain}}.h5",
    log:
        f"{LOGS}/sample_field_level/{{chain}}.log",
    benchmark:
        f"{LOGS}/sample_field_level/{{chain}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("sample_field_level"),
        runtime=runtime("sample_field_level"),
    params:
        script=script("sample_field_level"),
        code=digest("sample_field_level"),
        settings=field_level_settings(*CHAIN),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --inputs {input.inputs} --settings {params.settings:q} --seed {params.seed}"
        " --chain {wildcards.chain} --output {output.chain} > {log} 2>&1"


rule summarise_field_level:
    input:
        inputs=f"{FIELD_LEVEL}/inputs.h5",
        chains=field_level_chains(),
    output:
        summary=f"{FIELD_LEVEL}/summary.json",
        arrays=f"{FIELD_LEVEL}/arrays.h5",
    log:
        f"{LOGS}/summarise_field_level.log",
    benchmark:
        f"{LOGS}/summarise_field_level.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("summarise_field_level"),
        runtime=runtime("summarise_field_level"),
    params:
        script=script("summarise_field_level"),
        code=digest("summarise_field_level"),
        settings=field_level_settings(*CHAIN),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --inputs {input.inputs} --chains {input.chains} --settings {params.settings:q}"
        " --seed {params.seed} --summary {output.summary} --arrays {output.arrays} > {log} 2>&1"


rule draw_field_level_haloes:
    input:
        inputs=f"{FIELD_LEVEL}/inputs.h5",
        chains=field_level_chains(),
    output:
        haloes=f"{FIELD_LEVEL}/draw_{{draw}}.h5",
    log:
        f"{LOGS}/draw_field_level_haloes/{{draw}}.log",
    benchmark:
        f"{LOGS}/draw_field_level_haloes/{{draw}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("draw_field_level_haloes"),
        runtime=runtime("draw_field_level_haloes"),
    params:
        script=script("draw_field_level_haloes"),
        code=digest("draw_field_level_haloes"),
        settings=field_level_settings(*CHAIN),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --inputs {input.inputs} --chains {input.chains} --settings {params.settings:q}"
        " --seed {params.seed} --draw {wildcards.draw} --haloes {output.haloes} > {log} 2>&1"


rule write_constrained_density:
    input:
        inputs=f"{FIELD_LEVEL}/inputs.h5",
        chains=field_level_chains(),
    output:
        density=f"{FIELD_LEVEL}/constrained/{{draw}}/density.h5",
    log:
        f"{LOGS}/write_constrained_density/{{draw}}.log",
    benchmark:
        f"{LOGS}/write_constrained_density/{{draw}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("write_constrained_density"),
        runtime=runtime("write_constrained_density"),
    params:
        script=script("write_constrained_density"),
        code=digest("write_constrained_density"),
        settings=field_level_settings(*CHAIN),
        seed=SETTINGS.run.seed,
        cells=SETTINGS.boxes.cells,
    shell:
        "python {params.script} --inputs {input.inputs} --chains {input.chains} --settings {params.settings:q}"
        " --seed {params.seed} --sample {wildcards.draw} --cells {params.cells} --density {output.density} > {log} 2>&1"


rule draw_field_level_figures:
    input:
        inputs=f"{FIELD_LEVEL}/inputs.h5",
        summary=f"{FIELD_LEVEL}/summary.json",
        arrays=f"{FIELD_LEVEL}/arrays.h5",
    output:
        figures=field_level_figures(),
    log:
        f"{LOGS}/draw_field_level_figures.log",
    benchmark:
        f"{LOGS}/draw_field_level_figures.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("draw_field_level_figures"),
        runtime=runtime("draw_field_level_figures"),
    params:
        script=script("draw_field_level_figures"),
        code=digest("draw_field_level_figures"),
    shell:
        "python {params.script} --inputs {input.inputs} --summary {input.summary} --arrays {input.arrays}"
        " --figures $(dirname {output.figures[0]}) > {log} 2>&1"
