"""Sub-volumes of the boxes that are not for testing: manifest, split and normalisation."""


rule slice_subvolumes:
    input:
        density=expand(f"{GROUND_TRUTH}/{{box}}/density.h5", box=KNOWN_BOXES),
    output:
        manifest=f"{DATASET}/subvolumes.csv",
        normalisation=f"{DATASET}/normalisation.json",
    log:
        f"{LOGS}/slice_subvolumes.log",
    benchmark:
        f"{LOGS}/slice_subvolumes.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("slice_subvolumes"),
        runtime=runtime("slice_subvolumes"),
    params:
        script=script("slice_subvolumes"),
        code=digest("slice_subvolumes"),
        settings=as_json(SETTINGS.dataset),
        ground_truth=lambda wildcards, input: folder_of_boxes(input.density),
        training=TRAINING_BOXES,
        validation=VALIDATION_BOXES,
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script} --ground-truth {params.ground_truth} --training {params.training}"
        " --validation {params.validation} --settings {params.settings:q} --seed {params.seed}"
        " --manifest {output.manifest} --normalisation {output.normalisation} > {log} 2>&1"
