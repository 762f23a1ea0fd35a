"""New mock catalogues from a trained network: one job per seed; their mean and covariance; masses matched to Tinker 2008."""


rule make_mock:
    input:
        power_spectrum=f"{COSMOLOGY}/power_spectrum.csv",
        network=mock_network_files,
        thresholds=mock_thresholds(),
    output:
        **kept_mock_fields(f"{MOCKS}/{{seed}}"),
        haloes=f"{MOCKS}/{{seed}}/haloes.h5",
    log:
        f"{LOGS}/make_mock/{{seed}}.log",
    benchmark:
        f"{LOGS}/make_mock/{{seed}}.tsv"
    conda:
        "../envs/gpu.yaml" if SETTINGS.mocks.gpus else "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        mpi=SETTINGS.training.launcher if SETTINGS.mocks.ranks > 1 else None,
        launcher=SETTINGS.training.launcher,
        tasks=SETTINGS.mocks.ranks,
        tasks_per_gpu=0,  # or the SLURM executor would take `tasks` for those of each GPU
        gpu=COSTS.gpus("make_mock"),
        gpus_of_rank=SETTINGS.mocks.gpus,
        mem_mb=memory("make_mock"),
        runtime=runtime("make_mock"),
    params:
        script=script("make_mock"),
        code=digest("make_mock"),
        weights=mock_network_digest,
        cosmology=as_json(SETTINGS.cosmology),
        cells=SETTINGS.mocks.cells,
        box_size=SETTINGS.mocks.box_size_mpc,
        options=lambda wildcards, input, output: [
            *mock_options(),
            *given("--thresholds", input.thresholds),
            *given("--keep-density", output.get("density")),
            *given("--keep-probability", output.get("probability")),
        ],
    shell:
        LAUNCH
        + "python {params.script} --seed {wildcards.seed} --cells {params.cells} --box-size {params.box_size}"
        " --network $(dirname {input.network[0]}) --cosmology {params.cosmology:q} --power-spectrum {input.power_spectrum}"
        " --threads {threads} --gpus {resources.gpus_of_rank} --ranks {resources.tasks} {params.options:q}"
        " --output {output.haloes} > {log} 2>&1"


rule measure_mock:
    input:
        haloes=f"{MOCKS}/{{seed}}/haloes.h5",
    output:
        statistics=f"{MOCKS}/{{seed}}/statistics.json",
    log:
        f"{LOGS}/measure_mock/{{seed}}.log",
    benchmark:
        f"{LOGS}/measure_mock/{{seed}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("measure_mock"),
        runtime=runtime("measure_mock"),
    params:
        script=script("measure_mock"),
        code=digest("measure_mock"),
        settings=mock_settings("minimum_cells", "largest_k_per_mpc"),
    shell:
        "python {params.script} --haloes {input.haloes} --settings {params.settings:q}"
        " --statistics {output.statistics} > {log} 2>&1"


rule summarise_mocks:
    input:
        statistics=expand(f"{MOCKS}/{{seed}}/statistics.json", seed=MOCK_SEEDS),
    output:
        summary=f"{MOCKS}/covariance.json",
        figures=expand(f"{MOCKS}/covariance.{{kind}}", kind=["png", "pdf"]),
    log:
        f"{LOGS}/summarise_mocks.log",
    benchmark:
        f"{LOGS}/summarise_mocks.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("summarise_mocks"),
        runtime=runtime("summarise_mocks"),
    params:
        script=script("summarise_mocks"),
        code=digest("summarise_mocks"),
        settings=mock_settings("precision"),
    shell:
        "python {params.script} --statistics {input.statistics} --settings {params.settings:q}"
        " --summary {output.summary} > {log} 2>&1"


rule match_abundance:
    input:
        power_spectrum=f"{COSMOLOGY}/power_spectrum.csv",
        haloes=expand(f"{MOCKS}/{{seed}}/haloes.h5", seed=MOCK_SEEDS),
    output:
        matched=expand(f"{MOCKS}/{{seed}}/matched_haloes.h5", seed=MOCK_SEEDS),
    log:
        f"{LOGS}/match_abundance.log",
    benchmark:
        f"{LOGS}/match_abundance.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("match_abundance"),
        runtime=runtime("match_abundance"),
    params:
        script=script("match_abundance"),
        code=digest("match_abundance"),
    shell:
        "python {params.script} --haloes {input.haloes} --matched {output.matched}"
        " --power-spectrum {input.power_spectrum} > {log} 2>&1"
