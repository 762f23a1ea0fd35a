"""Neural bias model: evolved density and haloes of one box -> posterior chains -> summary, drawn catalogues, figures."""

FIT = ("density_floor", "engine", "sampler", "precision")


rule prepare_neural_bias:
    input:
        density=f"{GROUND_TRUTH}/{NEURAL_BIAS_BOX}/density.h5",
        haloes=f"{GROUND_TRUTH}/{NEURAL_BIAS_BOX}/haloes.h5",
    output:
        inputs=f"{NEURAL_BIAS}/inputs.h5",
    log:
        f"{LOGS}/prepare_neural_bias.log",
    benchmark:
        f"{LOGS}/prepare_neural_bias.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("prepare_neural_bias"),
        runtime=runtime("prepare_neural_bias"),
    params:
        script=script("prepare_neural_bias"),
        code=digest("prepare_neural_bias"),
        settings=neural_bias_settings(
            "cells",
            "minimum_mass_msun",
            "maximum_mass_msun",
            "lpt_order",
            "supersample",
        ),
        cosmology=as_json(SETTINGS.cosmology),
    shell:
        "python {params.script} --density {input.density} --haloes {input.haloes} --drop"
        " --settings {params.settings:q} --cosmology {params.cosmology:q} --inputs {output.inputs} > {log} 2>&1"


rule sample_neural_bias:
    input:
        inputs=f"{NEURAL_BIAS}/inputs.h5",
    output:
        chain=f"{NEURAL_BIAS}/chain_{{chain}}.h5",
    log:
        f"{LOGS}/sample_neural_bias/{{chain}}.log",
    benchmark:
        f"{LOGS}/sample_neural_bias/{{chain}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("sample_neural_bias"),
        runtime=runtime("sample_neural_bias"),
    params:
        script=script("sample_neural_bias"),
        code=digest("sample_neural_bias"),
        settings=neural_bias_settings(*FIT),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --inputs {input.inputs} --settings {params.settings:q} --seed {params.seed}"
        " --chain {wildcards.chain} --output {output.chain} > {log} 2>&1"


rule summarise_neural_bias:
    input:
        inputs=f"{NEURAL_BIAS}/inputs.h5",
        chains=neural_bias_chains(),
    output:
        summary=f"{NEURAL_BIAS}/summary.json",
        arrays=f"{NEURAL_BIAS}/arrays.h5",
    log:
        f"{LOGS}/summarise_neural_bias.log",
    benchmark:
        f"{LOGS}/summarise_neural_bias.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("summarise_neural_bias"),
        runtime=runtime("summarise_neural_bias"),
    params:
        script=script("summarise_neural_bias"),
        code=digest("summarise_neural_bias"),
        settings=neural_bias_settings(*FIT, "ablation_kernels"),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --inputs {input.inputs} --chains {input.chains} --settings {params.settings:q}"
        " --seed {params.seed} --summary {output.summary} --arrays {output.arrays} > {log} 2>&1"


rule draw_neural_bias_haloes:
    input:
        inputs=f"{NEURAL_BIAS}/inputs.h5",
        chains=neural_bias_chains(),
    output:
        haloes=f"{NEURAL_BIAS}/draw_{{draw}}.h5",
    log:
        f"{LOGS}/draw_neural_bias_haloes/{{draw}}.log",
    benchmark:
        f"{LOGS}/draw_neural_bias_haloes/{{draw}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("draw_neural_bias_haloes"),
        runtime=runtime("draw_neural_bias_haloes"),
    params:
        script=script("draw_neural_bias_haloes"),
        code=digest("draw_neural_bias_haloes"),
        settings=neural_bias_settings(*FIT),
        cosmology=as_json(SETTINGS.cosmology),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --inputs {input.inputs} --chains {input.chains} --settings {params.settings:q}"
        " --cosmology {params.cosmology:q} --seed {params.seed} --draw {wildcards.draw} --haloes {output.haloes}"
        " > {log} 2>&1"


rule draw_neural_bias_figures:
    input:
        inputs=f"{NEURAL_BIAS}/inputs.h5",
        summary=f"{NEURAL_BIAS}/summary.json",
        arrays=f"{NEURAL_BIAS}/arrays.h5",
    output:
        figures=neural_bias_figures(),
    log:
        f"{LOGS}/draw_neural_bias_figures.log",
    benchmark:
        f"{LOGS}/draw_neural_bias_figures.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("draw_neural_bias_figures"),
        runtime=runtime("draw_neural_bias_figures"),
    params:
        script=script("draw_neural_bias_figures"),
        code=digest("draw_neural_bias_figures"),
    shell:
        "python {params.script} --inputs {input.inputs} --summary {input.summary} --arrays {input.arrays}"
        " --figures $(dirname {output.figures[0]}) > {log} 2>&1"
