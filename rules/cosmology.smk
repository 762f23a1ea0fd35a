"""Linear power spectrum and collapse table of the run's cosmology."""


rule compute_power_spectrum:
    output:
        power_spectrum=f"{COSMOLOGY}/power_spectrum.csv",
    log:
        f"{LOGS}/compute_power_spectrum.log",
    benchmark:
        f"{LOGS}/compute_power_spectrum.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("compute_power_spectrum"),
        runtime=runtime("compute_power_spectrum"),
    params:
        script=script("compute_power_spectrum"),
        code=digest("compute_power_spectrum"),
        cosmology=as_json(SETTINGS.cosmology),
    shell:
        "python {params.script} --cosmology {params.cosmology:q} --output {output.power_spectrum} > {log} 2>&1"


rule solve_collapse_table:
    output:
        table=f"{COSMOLOGY}/collapse_table.h5",
    log:
        f"{LOGS}/solve_collapse_table.log",
    benchmark:
        f"{LOGS}/solve_collapse_table.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("solve_collapse_table"),
        runtime=runtime("solve_collapse_table"),
    params:
        script=script("solve_collapse_table"),
        code=digest("solve_collapse_table"),
        cosmology=as_json(SETTINGS.cosmology),
        settings=as_json(SETTINGS.ground_truth.peak_patch),
    shell:
        "python {params.script} --cosmology {params.cosmology:q} --settings {params.settings:q} --output {output.table}"
        " > {log} 2>&1"
