"""Training of the networks on the sub-volumes of the training boxes.

Checkpoints stand in ``checkpoints/`` beside the declared outputs: Snakemake deletes those before a retry, and the retry goes
on from the last checkpoint. Checkpoints of other settings are discarded, since the workflow has already decided to train anew.
"""


rule train_network:
    input:
        manifest=f"{DATASET}/subvolumes.csv",
        normalisation=f"{DATASET}/normalisation.json",
        density=expand(f"{GROUND_TRUTH}/{{box}}/density.h5", box=KNOWN_BOXES),
        mask=expand(f"{GROUND_TRUTH}/{{box}}/mask.h5", box=KNOWN_BOXES),
    output:
        weights=f"{NETWORKS}/{{network}}/model.weights.h5",
        settings=f"{NETWORKS}/{{network}}/settings.json",
        normalisation=f"{NETWORKS}/{{network}}/normalisation.json",
        provenance=f"{NETWORKS}/{{network}}/provenance.json",
        history=f"{NETWORKS}/{{network}}/history.csv",
        progress=f"{NETWORKS}/{{network}}/progress.png",
    log:
        f"{LOGS}/train_network/{{network}}.log",
    benchmark:
        f"{LOGS}/train_network/{{network}}.tsv"
    conda:
        "../envs/gpu.yaml" if SETTINGS.training.gpus else "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        checkpoint_minutes=str(SETTINGS.training.checkpoint_minutes),
        gpu=SETTINGS.training.gpus,
        mem_mb=training_memory,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        script=script("train_network"),
        code=digest("train_network"),
        ground_truth=lambda wildcards, input: folder_of_boxes(input.density),
        settings=lambda wildcards: as_json(SETTINGS.networks[wildcards.network]),
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --ground-truth {params.ground_truth} --manifest {input.manifest}"
        " --normalisation {input.normalisation} --settings {params.settings:q} --seed {params.seed}"
        ' --training \'{{"checkpoint_minutes": {resources.checkpoint_minutes}, "threads": {threads},'
        ' "gpus": {resources.gpu}}}\' --restart-on-change --output $(dirname {output.weights}) 2>&1 | tee {log}'
