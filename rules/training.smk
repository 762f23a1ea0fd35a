"""Training of the networks on the sub-volumes of the training boxes.

Checkpoints stand in ``checkpoints/`` beside the declared outputs: Snakemake deletes those before a retry, and the retry goes
on from the last checkpoint. Checkpoints of other settings are discarded, since the workflow has already decided to train anew.
"""


rule compute_channels:
    input:
        density=f"{LAYOUT.ground_truth}/{{box}}/density.h5",
    output:
        channels=temp(f"{LAYOUT.networks}/{{network}}/channels/{{box}}.h5"),
    log:
        f"{LAYOUT.logs}/compute_channels/{{network}}/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/compute_channels/{{network}}/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        **RESOURCES.of_rule("compute_channels"),
    params:
        **PARAMETERS.of_script("compute_channels"),
        settings=lambda wildcards: as_json(
            SETTINGS.networks[wildcards.network].channels
        ),
    shell:
        "python {params.script:q} --density {input.density:q} --settings {params.settings:q} --threads {threads}"
        " --channels {output.channels:q} > {log:q} 2>&1"


rule assign_cells:
    input:
        haloes=f"{LAYOUT.ground_truth}/{{box}}/haloes.h5",
        owners=KEPT.true_owners(["{box}"]),
    output:
        targets=temp(f"{LAYOUT.dataset}/targets/{{box}}.h5"),
    log:
        f"{LAYOUT.logs}/assign_cells/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/assign_cells/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("assign_cells"),
    params:
        **PARAMETERS.of_script("assign_cells"),
        owners=lambda wildcards, input: given("--owners", input.owners),
    shell:
        "python {params.script:q} --haloes {input.haloes:q} {params.owners:q} --targets {output.targets:q} > {log:q} 2>&1"


rule train_network:
    input:
        manifest=f"{LAYOUT.dataset}/subvolumes.csv",
        normalisation=f"{LAYOUT.dataset}/normalisation.json",
        density=expand(
            f"{LAYOUT.ground_truth}/{{box}}/density.h5", box=LAYOUT.known_boxes
        ),
        mask=expand(f"{LAYOUT.ground_truth}/{{box}}/mask.h5", box=LAYOUT.known_boxes),
        channels=INPUTS.channels,
        targets=INPUTS.targets,
        haloes=INPUTS.haloes_behind_targets,
        start=INPUTS.start,
        soft_labels=INPUTS.soft_labels,
    output:
        weights=f"{LAYOUT.networks}/{{network}}/model.weights.h5",
        settings=f"{LAYOUT.networks}/{{network}}/settings.json",
        normalisation=f"{LAYOUT.networks}/{{network}}/normalisation.json",
        provenance=f"{LAYOUT.networks}/{{network}}/provenance.json",
        history=f"{LAYOUT.networks}/{{network}}/history.csv",
        progress=f"{LAYOUT.networks}/{{network}}/progress.png",
    log:
        f"{LAYOUT.logs}/train_network/{{network}}.log",
    benchmark:
        f"{LAYOUT.logs}/train_network/{{network}}.tsv"
    conda:
        "../envs/gpu.yaml" if SETTINGS.training.gpus else "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        **of_ranks(SETTINGS.training),
        **RESOURCES.of_rule("train_network"),
        checkpoint_minutes=str(SETTINGS.training.checkpoint_minutes),
        tasks_per_gpu=0,  # or the SLURM executor would take `tasks` for those of each GPU
        gpu=COSTS.gpus("train_network"),
        gpus_of_rank=SETTINGS.training.gpus,
    params:
        **PARAMETERS.of_script("train_network"),
        ground_truth=lambda wildcards, input: folder_of_boxes(input.density),
        channels=lambda wildcards, input: folder_given("--channels", input.channels),
        targets=lambda wildcards, input: folder_given("--targets", input.targets),
        start=lambda wildcards, input: folder_given("--start-from", input.start),
        soft_labels=lambda wildcards, input: folder_given(
            "--soft-labels", input.soft_labels
        ),
        settings=lambda wildcards: as_json(SETTINGS.networks[wildcards.network]),
        seed=SETTINGS.run.seed,
    shell:
        # SIGTERM is for the training alone, which writes a checkpoint before it ends.
        'trap "" TERM; '
        + LAUNCH
        + "python {params.script:q} --ground-truth {params.ground_truth:q} --manifest {input.manifest:q}"
        " --normalisation {input.normalisation:q} {params.channels:q} {params.targets:q} {params.start:q} {params.soft_labels:q} --settings {params.settings:q} --seed {params.seed:q}"
        ' --training \'{{"checkpoint_minutes": {resources.checkpoint_minutes}, "threads": {threads},'
        ' "gpus": {resources.gpus_of_rank}}}\' --ranks {resources.tasks} --restart-on-change --output "$(dirname {output.weights:q})" > {log:q} 2>&1'
