"""A simulation in place of Peak Patch: particles from the density, their haloes (`ground_truth.source: n_body`).

A simulation writes its checkpoint beside the declared outputs, which Snakemake deletes before a retry: the retry goes on from it.
"""


rule simulate_n_body:
    input:
        density=f"{GROUND_TRUTH}/{{box}}/density.h5",
    output:
        particles=[
            kept(
                f"{GROUND_TRUTH}/{{box}}/{snapshot_folder(redshift)}particles.h5",
                SETTINGS.ground_truth.n_body.keep_particles,
            )
            for redshift in SNAPSHOTS
        ],
    log:
        f"{LOGS}/simulate_n_body/{{box}}.log",
    benchmark:
        f"{LOGS}/simulate_n_body/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: SETTINGS.ground_truth.n_body.threads
    resources:
        checkpoint_minutes=str(SETTINGS.ground_truth.n_body.checkpoint_minutes),
        mpi=mpi(SETTINGS.ground_truth),
        launcher=SETTINGS.ground_truth.launcher,
        tasks=SETTINGS.ground_truth.ranks,
        mem_mb=memory("simulate_n_body"),
        runtime=runtime("simulate_n_body"),
    params:
        script=script("simulate_n_body"),
        code=digest("simulate_n_body"),
        settings=n_body_settings("steps", "mesh", "start"),
        redshifts=SNAPSHOTS,
        checkpoint=f"{GROUND_TRUTH}/{{box}}/checkpoint.h5",
    shell:
        LAUNCH
        + "python {params.script} --density {input.density} --settings {params.settings:q} --redshifts {params.redshifts}"
        " --checkpoint {params.checkpoint} --checkpoint-minutes {resources.checkpoint_minutes} --threads {threads}"
        " --ranks {resources.tasks} --particles {output.particles} > {log} 2>&1"


rule find_n_body_haloes:
    input:
        particles=f"{GROUND_TRUTH}/{{box}}/particles.h5",
    output:
        haloes=f"{GROUND_TRUTH}/{{box}}/haloes.h5",
        mask=f"{GROUND_TRUTH}/{{box}}/mask.h5",
        owners=f"{GROUND_TRUTH}/{{box}}/owners.h5",
    log:
        f"{LOGS}/find_n_body_haloes/{{box}}.log",
    benchmark:
        f"{LOGS}/find_n_body_haloes/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("find_n_body_haloes"),
        runtime=runtime("find_n_body_haloes"),
    params:
        script=script("find_n_body_haloes"),
        code=digest("find_n_body_haloes"),
        settings=n_body_settings("linking_length", "minimum_cells"),
    shell:
        "python {params.script} --particles {input.particles} --settings {params.settings:q} --haloes {output.haloes}"
        " --mask {output.mask} --owners {output.owners} > {log} 2>&1"


# Every further snapshot is a truth of its own.


use rule find_n_body_haloes as find_n_body_haloes_of_snapshot with:
    input:
        particles=f"{GROUND_TRUTH}/{{box}}/redshift_{{redshift}}/particles.h5",
    output:
        haloes=f"{GROUND_TRUTH}/{{box}}/redshift_{{redshift}}/haloes.h5",
        mask=f"{GROUND_TRUTH}/{{box}}/redshift_{{redshift}}/mask.h5",
        owners=f"{GROUND_TRUTH}/{{box}}/redshift_{{redshift}}/owners.h5",
    log:
        f"{LOGS}/find_n_body_haloes/{{box}}_{{redshift}}.log",
    benchmark:
        f"{LOGS}/find_n_body_haloes/{{box}}_{{redshift}}.tsv"
