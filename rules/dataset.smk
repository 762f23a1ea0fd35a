"""Sub-volumes of the boxes that are not for testing: manifest, split and normalisation."""


rule slice_subvolumes:
    input:
        density=expand(
            f"{LAYOUT.ground_truth}/{{box}}/density.h5", box=LAYOUT.known_boxes
        ),
    output:
        manifest=f"{LAYOUT.dataset}/subvolumes.csv",
        normalisation=f"{LAYOUT.dataset}/normalisation.json",
    log:
        f"{LAYOUT.logs}/slice_subvolumes.log",
    benchmark:
        f"{LAYOUT.logs}/slice_subvolumes.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("slice_subvolumes"),
    params:
        **PARAMETERS.of_script("slice_subvolumes"),
        settings=as_json(SETTINGS.dataset),
        ground_truth=lambda wildcards, input: folder_of_boxes(input.density),
        training=LAYOUT.training_boxes,
        validation=LAYOUT.validation_boxes,
        seed=SETTINGS.run.seed,
    shell:
        "python {params.script:q} --ground-truth {params.ground_truth:q} --training {params.training:q}"
        " --validation {params.validation:q} --settings {params.settings:q} --seed {params.seed:q}"
        " --manifest {output.manifest:q} --normalisation {output.normalisation:q} > {log:q} 2>&1"
