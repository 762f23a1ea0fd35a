"""A simulation in place of Peak Patch: particles from the density, their haloes (`ground_truth.source: n_body`).

A simulation writes its checkpoint beside the declared outputs, which Snakemake deletes before a retry: the retry goes on from it.
"""


rule simulate_n_body:
    input:
        density=f"{LAYOUT.ground_truth}/{{box}}/density.h5",
    output:
        particles=[
            kept(
                f"{LAYOUT.ground_truth}/{{box}}/{LAYOUT.snapshot_folder(redshift)}particles.h5",
                SETTINGS.ground_truth.n_body.keep_particles,
            )
            for redshift in LAYOUT.snapshots
        ],
    log:
        f"{LAYOUT.logs}/simulate_n_body/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/simulate_n_body/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: SETTINGS.ground_truth.n_body.threads
    resources:
        **of_ranks(SETTINGS.ground_truth),
        **RESOURCES.of_rule("simulate_n_body"),
        checkpoint_minutes=str(SETTINGS.ground_truth.n_body.checkpoint_minutes),
    params:
        **PARAMETERS.of_script("simulate_n_body"),
        settings=PARAMETERS.n_body("steps", "mesh", "start"),
        redshifts=lambda wildcards: LAYOUT.snapshots_of(wildcards.box),
        checkpoint=f"{LAYOUT.ground_truth}/{{box}}/checkpoint.h5",
    shell:
        LAUNCH
        + "python {params.script:q} --density {input.density:q} --settings {params.settings:q} --redshifts {params.redshifts:q}"
        " --checkpoint {params.checkpoint:q} --checkpoint-minutes {resources.checkpoint_minutes} --threads {threads}"
        " --ranks {resources.tasks} --particles {output.particles:q} > {log:q} 2>&1"


rule find_n_body_haloes:
    input:
        particles=f"{LAYOUT.ground_truth}/{{box}}/particles.h5",
    output:
        haloes=f"{LAYOUT.ground_truth}/{{box}}/haloes.h5",
        mask=f"{LAYOUT.ground_truth}/{{box}}/mask.h5",
        owners=f"{LAYOUT.ground_truth}/{{box}}/owners.h5",
    log:
        f"{LAYOUT.logs}/find_n_body_haloes/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/find_n_body_haloes/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **of_ranks(SETTINGS.ground_truth),
        **RESOURCES.of_rule("find_n_body_haloes"),
    params:
        **PARAMETERS.of_script("find_n_body_haloes"),
        settings=PARAMETERS.n_body("linking_length", "minimum_cells"),
    shell:
        LAUNCH
        + "python {params.script:q} --particles {input.particles:q} --settings {params.settings:q} --ranks {resources.tasks}"
        " --haloes {output.haloes:q} --mask {output.mask:q} --owners {output.owners:q} > {log:q} 2>&1"


# Every further snapshot is a truth of its own.


use rule find_n_body_haloes as find_n_body_haloes_of_snapshot with:
    input:
        particles=f"{LAYOUT.ground_truth}/{{box}}/redshift_{{redshift}}/particles.h5",
    output:
        haloes=f"{LAYOUT.ground_truth}/{{box}}/redshift_{{redshift}}/haloes.h5",
        mask=f"{LAYOUT.ground_truth}/{{box}}/redshift_{{redshift}}/mask.h5",
        owners=f"{LAYOUT.ground_truth}/{{box}}/redshift_{{redshift}}/owners.h5",
    log:
        f"{LAYOUT.logs}/find_n_body_haloes/{{box}}_{{redshift}}.log",
    benchmark:
        f"{LAYOUT.logs}/find_n_body_haloes/{{box}}_{{redshift}}.tsv"
