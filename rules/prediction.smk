"""Tiled prediction of whole boxes: the test boxes, and the boxes that calibrate the halo finder."""


rule predict_mask:
    input:
        density=f"{GROUND_TRUTH}/{{box}}/density.h5",
        weights=f"{NETWORKS}/{{network}}/model.weights.h5",
        settings=f"{NETWORKS}/{{network}}/settings.json",
        normalisation=f"{NETWORKS}/{{network}}/normalisation.json",
    output:
        probability=kept(
            f"{PREDICTIONS}/{{network}}/{{box}}.h5", SETTINGS.run.keep_probability
        ),
    log:
        f"{LOGS}/predict_mask/{{network}}/{{box}}.log",
    benchmark:
        f"{LOGS}/predict_mask/{{network}}/{{box}}.tsv"
    conda:
        "../envs/gpu.yaml" if SETTINGS.training.gpus else "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        gpu=COSTS.gpus("predict_mask"),
        mem_mb=memory("predict_mask"),
        runtime=runtime("predict_mask"),
    params:
        script=script("predict_mask"),
        code=digest("predict_mask"),
        settings=as_json(SETTINGS.prediction),
    shell:
        "python {params.script} --density {input.density} --network $(dirname {input.weights})"
        " --settings {params.settings:q} --threads {threads} --gpus {resources.gpu}"
        " --probability {output.probability} > {log} 2>&1"
