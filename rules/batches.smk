"""Ground truth of `jobs.boxes_per_job` boxes in one job, ahead of the run: target `batches`, for many small boxes.

A batch makes the files of its boxes by the rules of the single box. The run itself then finds them and plans what is missing, a
deleted box for example, box by box.
"""


rule make_batch:
    input:
        cosmologies=lambda wildcards: KEPT.cosmologies(LAYOUT.batches[wildcards.batch]),
    output:
        done=touch(f"{LAYOUT.ground_truth}/batches/{{batch}}.done"),
    log:
        f"{LAYOUT.logs}/make_batch/{{batch}}.log",
    benchmark:
        f"{LAYOUT.logs}/make_batch/{{batch}}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: SETTINGS.ground_truth.ranks
    resources:
        **RESOURCES.of_rule("make_batch"),
    params:
        script=LAYOUT.script("make_batch"),
        code=[PARAMETERS.digest(name) for name in LAYOUT.truth_scripts],
        # Sections that make no box are left out, those that change no result too.
        configuration=lambda wildcards: json.dumps(PARAMETERS.batch_configuration()),
        files=lambda wildcards: KEPT.truth_of(LAYOUT.batches[wildcards.batch]),
    shell:
        "python {params.script:q} --configuration {params.configuration:q} --cores {threads} --files {params.files:q}"
        " > {log:q} 2>&1"
