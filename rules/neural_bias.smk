"""Neural bias model: evolved density and haloes of one box -> posterior chains -> summary, drawn catalogues, figures."""

FIT = ("density_floor", "engine", "sampler", "precision")
DATA = ("minimum_mass_msun", "maximum_mass_msun", "lpt_order", "supersample")


rule prepare_neural_bias:
    input:
        density=f"{LAYOUT.ground_truth}/{LAYOUT.neural_bias_box}/density.h5",
        haloes=f"{LAYOUT.ground_truth}/{LAYOUT.neural_bias_box}/haloes.h5",
    output:
        inputs=f"{LAYOUT.neural_bias}/inputs.h5",
    log:
        f"{LAYOUT.logs}/prepare_neural_bias.log",
    benchmark:
        f"{LAYOUT.logs}/prepare_neural_bias.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("prepare_neural_bias"),
    params:
        **PARAMETERS.of_script("prepare_neural_bias"),
        settings=PARAMETERS.neural_bias("cells", *DATA),
        cosmology=as_json(LAYOUT.cosmology_of(LAYOUT.neural_bias_box)),
    shell:
        "python {params.script:q} --density {input.density:q} --haloes {input.haloes:q} --drop"
        " --settings {params.settings:q} --cosmology {params.cosmology:q} --inputs {output.inputs:q} > {log:q} 2>&1"


rule sample_neural_bias:
    input:
        inputs=f"{LAYOUT.neural_bias}/inputs.h5",
    output:
        chain=f"{LAYOUT.neural_bias}/chain_{{chain}}.h5",
    log:
        f"{LAYOUT.logs}/sample_neural_bias/{{chain}}.log",
    benchmark:
        f"{LAYOUT.logs}/sample_neural_bias/{{chain}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("sample_neural_bias"),
    params:
        **PARAMETERS.of_script("sample_neural_bias"),
        settings=PARAMETERS.neural_bias(*FIT),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --settings {params.settings:q} --seed {params.seed:q}"
        " --chain {wildcards.chain:q} --output {output.chain:q} > {log:q} 2>&1"


rule summarise_neural_bias:
    input:
        inputs=f"{LAYOUT.neural_bias}/inputs.h5",
        chains=neural_bias_chains(LAYOUT),
    output:
        summary=f"{LAYOUT.neural_bias}/summary.json",
        arrays=f"{LAYOUT.neural_bias}/arrays.h5",
        model=f"{LAYOUT.neural_bias}/model.json",
    log:
        f"{LAYOUT.logs}/summarise_neural_bias.log",
    benchmark:
        f"{LAYOUT.logs}/summarise_neural_bias.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("summarise_neural_bias"),
    params:
        **PARAMETERS.of_script("summarise_neural_bias"),
        settings=PARAMETERS.neural_bias(*FIT, *DATA, "ablation_kernels"),
        cosmology=as_json(LAYOUT.cosmology_of(LAYOUT.neural_bias_box)),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --chains {input.chains:q} --settings {params.settings:q}"
        " --cosmology {params.cosmology:q} --seed {params.seed:q} --summary {output.summary:q} --arrays {output.arrays:q}"
        " --model {output.model:q} > {log:q} 2>&1"


rule draw_neural_bias_haloes:
    input:
        inputs=f"{LAYOUT.neural_bias}/inputs.h5",
        chains=neural_bias_chains(LAYOUT),
    output:
        haloes=f"{LAYOUT.neural_bias}/draw_{{draw}}.h5",
    log:
        f"{LAYOUT.logs}/draw_neural_bias_haloes/{{draw}}.log",
    benchmark:
        f"{LAYOUT.logs}/draw_neural_bias_haloes/{{draw}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("draw_neural_bias_haloes"),
    params:
        **PARAMETERS.of_script("draw_neural_bias_haloes"),
        settings=PARAMETERS.neural_bias(*FIT),
        cosmology=as_json(LAYOUT.cosmology_of(LAYOUT.neural_bias_box)),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --chains {input.chains:q} --settings {params.settings:q}"
        " --cosmology {params.cosmology:q} --seed {params.seed:q} --draw {wildcards.draw:q} --haloes {output.haloes:q}"
        " > {log:q} 2>&1"


rule draw_neural_bias_figures:
    input:
        inputs=f"{LAYOUT.neural_bias}/inputs.h5",
        summary=f"{LAYOUT.neural_bias}/summary.json",
        arrays=f"{LAYOUT.neural_bias}/arrays.h5",
    output:
        figures=neural_bias_figures(LAYOUT),
    log:
        f"{LAYOUT.logs}/draw_neural_bias_figures.log",
    benchmark:
        f"{LAYOUT.logs}/draw_neural_bias_figures.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("draw_neural_bias_figures"),
    params:
        **PARAMETERS.of_script("draw_neural_bias_figures"),
    shell:
        "python {params.script:q} --inputs {input.inputs:q} --summary {input.summary:q} --arrays {input.arrays:q}"
        ' --figures "$(dirname {output.figures[0]:q})" > {log:q} 2>&1'
