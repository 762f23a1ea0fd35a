"""Tiled prediction of whole boxes: the test boxes, those that calibrate the halo finder, and by a teacher those that train."""


rule predict_mask:
    input:
        density=f"{LAYOUT.ground_truth}/{{box}}/density.h5",
        weights=f"{LAYOUT.networks}/{{network}}/model.weights.h5",
        settings=f"{LAYOUT.networks}/{{network}}/settings.json",
        normalisation=f"{LAYOUT.networks}/{{network}}/normalisation.json",
    output:
        probability=kept(
            f"{LAYOUT.predictions}/{{network}}/{{box}}.h5",
            SETTINGS.run.keep_probability,
        ),
    log:
        f"{LAYOUT.logs}/predict_mask/{{network}}/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/predict_mask/{{network}}/{{box}}.tsv"
    conda:
        "../envs/gpu.yaml" if SETTINGS.training.gpus else "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        **RESOURCES.of_rule("predict_mask"),
        gpu=COSTS.gpus("predict_mask"),
    params:
        **PARAMETERS.of_script("predict_mask"),
        settings=as_json(SETTINGS.prediction),
        outside_validity=PARAMETERS.outside_validity(),
    shell:
        'python {params.script:q} --density {input.density:q} --network "$(dirname {input.weights:q})"'
        " --settings {params.settings:q} --threads {threads} --gpus {resources.gpu}"
        " {params.outside_validity:q} --probability {output.probability:q} > {log:q} 2>&1"


# What the teacher of a network says of a training box.


use rule predict_mask as predict_soft_labels with:
    input:
        density=f"{LAYOUT.ground_truth}/{{box}}/density.h5",
        weights=lambda wildcards: INPUTS.teacher(wildcards)[0],
        teacher=INPUTS.teacher,
    output:
        probability=temp(f"{LAYOUT.networks}/{{network}}/soft_labels/{{box}}.h5"),
    log:
        f"{LAYOUT.logs}/predict_soft_labels/{{network}}/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/predict_soft_labels/{{network}}/{{box}}.tsv"
    resources:
        **RESOURCES.of_rule("predict_soft_labels"),
        gpu=COSTS.gpus("predict_soft_labels"),
