"""Ground truth of `jobs.boxes_per_job` boxes in one job, ahead of the run: target `batches`, for many small boxes.

A batch makes the files of its boxes by the rules of the single box. The run itself then finds them and plans what is missing, a
deleted box for example, box by box.
"""


rule make_batch:
    input:
        power_spectrum=f"{COSMOLOGY}/power_spectrum.csv",
        table=collapse_table(),
    output:
        done=touch(f"{GROUND_TRUTH}/batches/{{batch}}.done"),
    log:
        f"{LOGS}/make_batch/{{batch}}.log",
    benchmark:
        f"{LOGS}/make_batch/{{batch}}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: SETTINGS.ground_truth.ranks
    resources:
        mem_mb=memory("make_batch"),
        runtime=runtime("make_batch"),
    params:
        script=script("make_batch"),
        code=[digest(name) for name in TRUTH_SCRIPTS],
        # Sections that make no box are left out, those that change no result too.
        configuration=lambda wildcards: json.dumps(batch_configuration()),
        files=lambda wildcards: truth_files(BATCHES[wildcards.batch]),
    shell:
        "python {params.script} --configuration {params.configuration:q} --cores {threads} --files {params.files}"
        " > {log} 2>&1"
