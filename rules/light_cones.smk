"""Light cones by Peak Patch: one job per seed, with numbers in shells of redshift and a figure."""


rule make_light_cone:
    input:
        power_spectrum=f"{LAYOUT.cosmology}/power_spectrum.csv",
        collapse_table=f"{LAYOUT.cosmology}/collapse_table.h5",
    output:
        haloes=f"{LAYOUT.light_cones}/{{seed}}/haloes.h5",
        shells=f"{LAYOUT.light_cones}/{{seed}}/shells.json",
        figures=expand(
            f"{LAYOUT.light_cones}/{{{{seed}}}}/shells.{{kind}}", kind=["png", "pdf"]
        ),
    log:
        f"{LAYOUT.logs}/make_light_cone/{{seed}}.log",
    benchmark:
        f"{LAYOUT.logs}/make_light_cone/{{seed}}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: SETTINGS.training.threads
    resources:
        **RESOURCES.of_rule("make_light_cone"),
        mpi=SETTINGS.training.launcher if SETTINGS.light_cone.ranks > 1 else None,
        launcher=SETTINGS.training.launcher,
        tasks=SETTINGS.light_cone.ranks,
    params:
        **PARAMETERS.of_script("make_light_cone"),
        cosmology=PARAMETERS.cosmology_today(),
        light_cone=PARAMETERS.light_cone(),
        peak_patch=as_json(SETTINGS.ground_truth.peak_patch),
        cells=SETTINGS.light_cone.cells,
        box_size=SETTINGS.light_cone.box_size_mpc,
    shell:
        LAUNCH
        + "python {params.script:q} --seed {wildcards.seed:q} --cells {params.cells:q} --box-size {params.box_size:q}"
        " --cosmology {params.cosmology:q} --light-cone {params.light_cone:q} --peak-patch {params.peak_patch:q}"
        " --power-spectrum {input.power_spectrum:q} --collapse-table {input.collapse_table:q}"
        " --threads {threads} --ranks {resources.tasks} --figure {output.shells:q}"
        " --output {output.haloes:q} > {log:q} 2>&1"
