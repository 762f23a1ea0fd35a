"""A user's own density, and haloes or mask, in place of rules/ground_truth.smk (`ground_truth.source: files`)."""


rule import_ground_truth:
    input:
        density=SETTINGS.ground_truth.files.density,
        haloes=SETTINGS.ground_truth.files.haloes or [],
        mask=SETTINGS.ground_truth.files.mask or [],
    output:
        density=kept(
            f"{LAYOUT.ground_truth}/{{box}}/density.h5", SETTINGS.run.keep_density
        ),
        haloes=KEPT.true_haloes(["{box}"]),
        mask=f"{LAYOUT.ground_truth}/{{box}}/mask.h5",
    log:
        f"{LAYOUT.logs}/import_ground_truth/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/import_ground_truth/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("import_ground_truth"),
    params:
        **PARAMETERS.of_script("import_ground_truth"),
        content=lambda wildcards, input: [file_digest(path) for path in input],
        cosmology=lambda wildcards: as_json(LAYOUT.cosmology_of(wildcards.box)),
        cells=SETTINGS.boxes.cells,
        box_size=SETTINGS.boxes.box_size_mpc,
        from_haloes=lambda wildcards, input: given("--from-haloes", input.haloes),
        from_mask=lambda wildcards, input: given("--from-mask", input.mask),
        haloes=lambda wildcards, output: given("--haloes", output.haloes),
        outside_validity=PARAMETERS.outside_validity(),
    shell:
        "python {params.script:q} --from-density {input.density:q} {params.from_haloes:q} {params.from_mask:q}"
        " --cells {params.cells:q} --box-size {params.box_size:q} --cosmology {params.cosmology:q}"
        " --density {output.density:q} {params.haloes:q} {params.outside_validity:q} --mask {output.mask:q} > {log:q} 2>&1"
