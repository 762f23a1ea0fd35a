"""New mock catalogues from a trained network: one job per seed; their mean and covariance; masses matched to Tinker 2008."""


rule make_mock:
    input:
        power_spectrum=f"{LAYOUT.cosmology}/power_spectrum.csv",
        network=INPUTS.mock_network,
        thresholds=mock_thresholds(LAYOUT),
    output:
        **kept_mock_fields(LAYOUT, f"{LAYOUT.mocks}/{{seed}}"),
        haloes=f"{LAYOUT.mocks}/{{seed}}/haloes.h5",
    log:
        f"{LAYOUT.logs}/make_mock/{{seed}}.log",
    benchmark:
        f"{LAYOUT.logs}/make_mock/{{seed}}.tsv"
    conda:
        "../envs/gpu.yaml" if SETTINGS.mocks.gpus else "../envs/cpu.yaml"
    threads: COSTS.threads("make_mock")
    resources:
        **RESOURCES.of_rule("make_mock"),
        mpi=SETTINGS.training.launcher if SETTINGS.mocks.ranks > 1 else None,
        launcher=SETTINGS.training.launcher,
        tasks=SETTINGS.mocks.ranks,
        tasks_per_gpu=0,  # or the SLURM executor would take `tasks` for those of each GPU
        gpu=COSTS.gpus("make_mock"),
        gpus_of_rank=SETTINGS.mocks.gpus,
        # No parameter: which other mocks there are changes none of them.
        last_ahead=lambda wildcards: LAYOUT.last_ahead(int(wildcards.seed)),
    params:
        **PARAMETERS.of_script("make_mock"),
        weights=PARAMETERS.mock_network_digest,
        cosmology=as_json(SETTINGS.cosmology),
        cells=SETTINGS.mocks.cells,
        box_size=SETTINGS.mocks.box_size_mpc,
        options=lambda wildcards, input, output: [
            *PARAMETERS.mock_options(),
            *given("--thresholds", input.thresholds),
            *given("--keep-density", output.get("density")),
            *given("--keep-probability", output.get("probability")),
        ],
    shell:
        LAUNCH
        + "python {params.script:q} --seed {wildcards.seed:q} --cells {params.cells:q} --box-size {params.box_size:q}"
        ' --network "$(dirname {input.network[0]:q})" --cosmology {params.cosmology:q} --power-spectrum {input.power_spectrum:q}'
        " --threads {threads} --gpus {resources.gpus_of_rank} --ranks {resources.tasks} {params.options:q}"
        " --last-ahead {resources.last_ahead}"
        " --output {output.haloes:q} > {log:q} 2>&1"


rule measure_mock:
    input:
        haloes=f"{LAYOUT.mocks}/{{seed}}/haloes.h5",
    output:
        statistics=f"{LAYOUT.mocks}/{{seed}}/statistics.json",
    log:
        f"{LAYOUT.logs}/measure_mock/{{seed}}.log",
    benchmark:
        f"{LAYOUT.logs}/measure_mock/{{seed}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("measure_mock"),
    params:
        **PARAMETERS.of_script("measure_mock"),
        settings=PARAMETERS.mocks("minimum_cells", "largest_k_per_mpc", "statistics"),
    shell:
        "python {params.script:q} --haloes {input.haloes:q} --settings {params.settings:q}"
        " --statistics {output.statistics:q} > {log:q} 2>&1"


# Simulations that the mocks are compared with.


use rule measure_mock as measure_truth_of_mocks with:
    input:
        haloes=lambda wildcards: SETTINGS.mocks.truth[int(wildcards.number)],
    output:
        statistics=f"{LAYOUT.mocks}/truth/{{number}}.json",
    log:
        f"{LAYOUT.logs}/measure_mock/truth_{{number}}.log",
    benchmark:
        f"{LAYOUT.logs}/measure_mock/truth_{{number}}.tsv"


# The mocks' cheap partners, and further fields that tell the partners' mean, some in a job.


rule measure_controls:
    input:
        power_spectrum=f"{LAYOUT.cosmology}/power_spectrum.csv",
    output:
        controls=f"{LAYOUT.mocks}/controls/{{batch}}.json",
    log:
        f"{LAYOUT.logs}/measure_controls/{{batch}}.log",
    benchmark:
        f"{LAYOUT.logs}/measure_controls/{{batch}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("measure_controls"),
    params:
        **PARAMETERS.of_script("measure_controls"),
        settings=PARAMETERS.mocks("minimum_cells", "largest_k_per_mpc", "statistics"),
        cosmology=as_json(SETTINGS.cosmology),
        cells=SETTINGS.mocks.cells,
        box_size=SETTINGS.mocks.box_size_mpc,
        first_seed=lambda wildcards: LAYOUT.control_batches[wildcards.batch][0],
        fields=lambda wildcards: len(LAYOUT.control_batches[wildcards.batch]),
    shell:
        "python {params.script:q} --first-seed {params.first_seed:q} --count {params.fields:q} --cells {params.cells:q}"
        " --box-size {params.box_size:q} --cosmology {params.cosmology:q} --power-spectrum {input.power_spectrum:q}"
        " --settings {params.settings:q} --controls {output.controls:q} > {log:q} 2>&1"


rule summarise_mocks:
    input:
        power_spectrum=f"{LAYOUT.cosmology}/power_spectrum.csv",
        statistics=expand(
            f"{LAYOUT.mocks}/{{seed}}/statistics.json", seed=LAYOUT.mock_seeds
        ),
        controls=expand(
            f"{LAYOUT.mocks}/controls/{{batch}}.json", batch=LAYOUT.control_batches
        ),
        truth=expand(
            f"{LAYOUT.mocks}/truth/{{number}}.json",
            number=range(len(SETTINGS.mocks.truth)),
        ),
    output:
        summary=f"{LAYOUT.mocks}/covariance.json",
        figures=expand(f"{LAYOUT.mocks}/covariance.{{kind}}", kind=["png", "pdf"]),
    log:
        f"{LAYOUT.logs}/summarise_mocks.log",
    benchmark:
        f"{LAYOUT.logs}/summarise_mocks.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("summarise_mocks"),
    params:
        **PARAMETERS.of_script("summarise_mocks"),
        settings=PARAMETERS.mocks("precision"),
        controls=lambda wildcards, input: given("--controls", input.controls),
        truth=lambda wildcards, input: given("--truth", input.truth),
    shell:
        "python {params.script:q} --statistics {input.statistics:q} --settings {params.settings:q} {params.controls:q}"
        " {params.truth:q} --power-spectrum {input.power_spectrum:q}"
        " --summary {output.summary:q} > {log:q} 2>&1"


rule write_mocks_report:
    input:
        summary=f"{LAYOUT.mocks}/covariance.json",
    output:
        report=f"{LAYOUT.mocks}/mocks.html",
    log:
        f"{LAYOUT.logs}/write_mocks_report.log",
    benchmark:
        f"{LAYOUT.logs}/write_mocks_report.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("write_mocks_report"),
    params:
        **PARAMETERS.of_script("write_mocks_report"),
    shell:
        "python {params.script:q} --summary {input.summary:q} --report {output.report:q} > {log:q} 2>&1"


rule match_abundance:
    input:
        power_spectrum=f"{LAYOUT.cosmology}/power_spectrum.csv",
        haloes=expand(f"{LAYOUT.mocks}/{{seed}}/haloes.h5", seed=LAYOUT.mock_seeds),
    output:
        matched=expand(
            f"{LAYOUT.mocks}/{{seed}}/matched_haloes.h5", seed=LAYOUT.mock_seeds
        ),
    log:
        f"{LAYOUT.logs}/match_abundance.log",
    benchmark:
        f"{LAYOUT.logs}/match_abundance.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("match_abundance"),
    params:
        **PARAMETERS.of_script("match_abundance"),
    shell:
        "python {params.script:q} --haloes {input.haloes:q} --matched {output.matched:q}"
        " --power-spectrum {input.power_spectrum:q} > {log:q} 2>&1"


rule populate_haloes:
    input:
        haloes=f"{LAYOUT.mocks}/{{seed}}/{LAYOUT.populated_haloes}.h5",
    output:
        galaxies=f"{LAYOUT.mocks}/{{seed}}/galaxies.h5",
    log:
        f"{LAYOUT.logs}/populate_haloes/{{seed}}.log",
    benchmark:
        f"{LAYOUT.logs}/populate_haloes/{{seed}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("populate_haloes"),
    params:
        **PARAMETERS.of_script("populate_haloes"),
        settings=as_json(SETTINGS.mocks.galaxies) if SETTINGS.mocks.galaxies else "",
    shell:
        "python {params.script:q} {input.haloes:q} --seed {wildcards.seed:q} --settings {params.settings:q}"
        " --galaxies {output.galaxies:q} > {log:q} 2>&1"
