"""Training of the networks on the sub-volumes of the training boxes.

Checkpoints stand in ``checkpoints/`` beside the declared outputs: Snakemake deletes those before a retry, and the retry goes
on from the last checkpoint. Checkpoints of other settings are discarded, since the workflow has already decided to train anew.
"""


rule compute_channels:
    input:
        density=f"{GROUND_TRUTH}/{{box}}/density.h5",
    output:
        channels=temp(f"{NETWORKS}/{{network}}/channels/{{box}}.h5"),
    log:
        f"{LOGS}/compute_channels/{{network}}/{{box}}.log",
    benchmark:
        f"{LOGS}/compute_channels/{{network}}/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        mem_mb=memory("compute_channels"),
        runtime=runtime("compute_channels"),
    params:
        script=script("compute_channels"),
        code=digest("compute_channels"),
        settings=lambda wildcards: as_json(
            SETTINGS.networks[wildcards.network].channels
        ),
    shell:
        "python {params.script} --density {input.density} --settings {params.settings:q} --threads {threads}"
        " --channels {output.channels} > {log} 2>&1"


rule assign_cells:
    input:
        haloes=f"{GROUND_TRUTH}/{{box}}/haloes.h5",
        owners=true_owners(["{box}"]),
    output:
        targets=temp(f"{DATASET}/targets/{{box}}.h5"),
    log:
        f"{LOGS}/assign_cells/{{box}}.log",
    benchmark:
        f"{LOGS}/assign_cells/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("assign_cells"),
        runtime=runtime("assign_cells"),
    params:
        script=script("assign_cells"),
        code=digest("assign_cells"),
        owners=lambda wildcards, input: given("--owners", input.owners),
    shell:
        "python {params.script} --haloes {input.haloes} {params.owners} --targets {output.targets} > {log} 2>&1"


rule train_network:
    input:
        manifest=f"{DATASET}/subvolumes.csv",
        normalisation=f"{DATASET}/normalisation.json",
        density=expand(f"{GROUND_TRUTH}/{{box}}/density.h5", box=KNOWN_BOXES),
        mask=expand(f"{GROUND_TRUTH}/{{box}}/mask.h5", box=KNOWN_BOXES),
        channels=channel_files,
        targets=target_files,
        haloes=haloes_behind_targets,
        start=start_files,
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
        mpi=mpi(SETTINGS.training),
        launcher=SETTINGS.training.launcher,
        tasks=SETTINGS.training.ranks,
        tasks_per_gpu=0,  # or the SLURM executor would take `tasks` for those of each GPU
        gpu=COSTS.gpus("train_network"),
        gpus_of_rank=SETTINGS.training.gpus,
        mem_mb=memory("train_network"),
        runtime=runtime("train_network"),
    params:
        script=script("train_network"),
        code=digest("train_network"),
        ground_truth=lambda wildcards, input: folder_of_boxes(input.density),
        channels=lambda wildcards, input: (
            f"--channels {Path(input.channels[0]).parent}" if input.channels else ""
        ),
        targets=lambda wildcards, input: (
            f"--targets {Path(input.targets[0]).parent}" if input.targets else ""
        ),
        start=lambda wildcards, input: (
            f"--start-from {Path(input.start[0]).parent}" if input.start else ""
        ),
        settings=lambda wildcards: as_json(SETTINGS.networks[wildcards.network]),
        seed=SETTINGS.run.seed,
    shell:
        # SIGTERM is for the training alone, which writes a checkpoint before it ends.
        'trap "" TERM; '
        + LAUNCH
        + "python {params.script} --ground-truth {params.ground_truth} --manifest {input.manifest}"
        " --normalisation {input.normalisation} {params.channels} {params.targets} {params.start} --settings {params.settings:q} --seed {params.seed}"
        ' --training \'{{"checkpoint_minutes": {resources.checkpoint_minutes}, "threads": {threads},'
        ' "gpus": {resources.gpus_of_rank}}}\' --ranks {resources.tasks} --restart-on-change --output $(dirname {output.weights}) > {log} 2>&1'
