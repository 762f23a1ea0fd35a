"""Random phases -> density; Peak Patch haloes and their mask."""


rule draw_density:
    input:
        power_spectrum=lambda wildcards: LAYOUT.power_spectrum(wildcards.box),
    output:
        density=kept(
            f"{LAYOUT.ground_truth}/{{box}}/density.h5", SETTINGS.run.keep_density
        ),
    log:
        f"{LAYOUT.logs}/draw_density/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/draw_density/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **of_ranks(SETTINGS.ground_truth),
        **RESOURCES.of_rule("draw_density"),
    params:
        **PARAMETERS.of_script("draw_density"),
        cosmology=lambda wildcards: as_json(LAYOUT.cosmology_of(wildcards.box)),
        cells=SETTINGS.boxes.cells,
        box_size=SETTINGS.boxes.box_size_mpc,
        seed=SETTINGS.run.seed,
        box=lambda wildcards: int(wildcards.box),
    shell:
        LAUNCH
        + "python {params.script:q} --power-spectrum {input.power_spectrum:q} --cosmology {params.cosmology:q}"
        " --cells {params.cells:q} --box-size {params.box_size:q} --seed {params.seed:q} --box {params.box:q}"
        " --ranks {resources.tasks} --density {output.density:q} > {log:q} 2>&1"


rule find_peak_patch_haloes:
    input:
        density=f"{LAYOUT.ground_truth}/{{box}}/density.h5",
        table=lambda wildcards: LAYOUT.collapse_table(wildcards.box),
    output:
        haloes=f"{LAYOUT.peak_patch}/{{box}}/haloes.h5",
        mask=f"{LAYOUT.peak_patch}/{{box}}/mask.h5",
    log:
        f"{LAYOUT.logs}/find_peak_patch_haloes/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/find_peak_patch_haloes/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **of_ranks(SETTINGS.ground_truth),
        **RESOURCES.of_rule("find_peak_patch_haloes"),
    params:
        **PARAMETERS.of_script("find_peak_patch_haloes"),
        settings=as_json(SETTINGS.ground_truth.peak_patch),
    shell:
        LAUNCH
        + "python {params.script:q} --density {input.density:q} --collapse-table {input.table:q} --settings {params.settings:q}"
        " --ranks {resources.tasks} --haloes {output.haloes:q} --mask {output.mask:q} > {log:q} 2>&1"
