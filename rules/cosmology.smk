"""Linear power spectrum and collapse table of the run's cosmology."""


rule compute_power_spectrum:
    output:
        power_spectrum=f"{LAYOUT.cosmology}/power_spectrum.csv",
    log:
        f"{LAYOUT.logs}/compute_power_spectrum.log",
    benchmark:
        f"{LAYOUT.logs}/compute_power_spectrum.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("compute_power_spectrum"),
    params:
        **PARAMETERS.of_script("compute_power_spectrum"),
        cosmology=as_json(SETTINGS.cosmology),
    shell:
        "python {params.script:q} --cosmology {params.cosmology:q} --output {output.power_spectrum:q} > {log:q} 2>&1"


# Where boxes differ in cosmology (`boxes.cosmologies`), each has its own.
use rule compute_power_spectrum as compute_power_spectrum_of_box with:
    output:
        power_spectrum=f"{LAYOUT.cosmology}/{{box}}/power_spectrum.csv",
    log:
        f"{LAYOUT.logs}/compute_power_spectrum_of_box/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/compute_power_spectrum_of_box/{{box}}.tsv"
    resources:
        **RESOURCES.of_rule("compute_power_spectrum_of_box"),
    params:
        cosmology=lambda wildcards: as_json(LAYOUT.cosmology_of(wildcards.box)),


rule solve_collapse_table:
    output:
        table=f"{LAYOUT.cosmology}/collapse_table.h5",
    log:
        f"{LAYOUT.logs}/solve_collapse_table.log",
    benchmark:
        f"{LAYOUT.logs}/solve_collapse_table.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("solve_collapse_table"),
    params:
        **PARAMETERS.of_script("solve_collapse_table"),
        cosmology=as_json(SETTINGS.cosmology),
        settings=as_json(SETTINGS.ground_truth.peak_patch),
    shell:
        "python {params.script:q} --cosmology {params.cosmology:q} --settings {params.settings:q} --output {output.table:q}"
        " > {log:q} 2>&1"


use rule solve_collapse_table as solve_collapse_table_of_box with:
    output:
        table=f"{LAYOUT.cosmology}/{{box}}/collapse_table.h5",
    log:
        f"{LAYOUT.logs}/solve_collapse_table_of_box/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/solve_collapse_table_of_box/{{box}}.tsv"
    resources:
        **RESOURCES.of_rule("solve_collapse_table_of_box"),
    params:
        cosmology=lambda wildcards: as_json(LAYOUT.cosmology_of(wildcards.box)),
