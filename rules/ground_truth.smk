"""Random phases -> density; Peak Patch haloes and their mask."""


rule draw_density:
    input:
        power_spectrum=f"{COSMOLOGY}/power_spectrum.csv",
    output:
        density=kept(f"{GROUND_TRUTH}/{{box}}/density.h5", SETTINGS.run.keep_density),
    log:
        f"{LOGS}/draw_density/{{box}}.log",
    benchmark:
        f"{LOGS}/draw_density/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mpi=mpi(SETTINGS.ground_truth),
        launcher=SETTINGS.ground_truth.launcher,
        tasks=SETTINGS.ground_truth.ranks,
        mem_mb=memory("draw_density"),
        runtime=runtime("draw_density"),
    params:
        script=script("draw_density"),
        code=digest("draw_density"),
        cosmology=as_json(SETTINGS.cosmology),
        cells=SETTINGS.boxes.cells,
        box_size=SETTINGS.boxes.box_size_mpc,
        seed=SETTINGS.run.seed,
        box=lambda wildcards: int(wildcards.box),
    shell:
        LAUNCH
        + "python {params.script} --power-spectrum {input.power_spectrum} --cosmology {params.cosmology:q}"
        " --cells {params.cells} --box-size {params.box_size} --seed {params.seed} --box {params.box}"
        " --ranks {resources.tasks} --density {output.density} > {log} 2>&1"


rule find_peak_patch_haloes:
    input:
        density=f"{GROUND_TRUTH}/{{box}}/density.h5",
        table=f"{COSMOLOGY}/collapse_table.h5",
    output:
        haloes=f"{PEAK_PATCH}/{{box}}/haloes.h5",
        mask=f"{PEAK_PATCH}/{{box}}/mask.h5",
    log:
        f"{LOGS}/find_peak_patch_haloes/{{box}}.log",
    benchmark:
        f"{LOGS}/find_peak_patch_haloes/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mpi=mpi(SETTINGS.ground_truth),
        launcher=SETTINGS.ground_truth.launcher,
        tasks=SETTINGS.ground_truth.ranks,
        mem_mb=memory("find_peak_patch_haloes"),
        runtime=runtime("find_peak_patch_haloes"),
    params:
        script=script("find_peak_patch_haloes"),
        code=digest("find_peak_patch_haloes"),
        settings=as_json(SETTINGS.ground_truth.peak_patch),
    shell:
        LAUNCH
        + "python {params.script} --density {input.density} --collapse-table {input.table} --settings {params.settings:q}"
        " --ranks {resources.tasks} --haloes {output.haloes} --mask {output.mask} > {log} 2>&1"
