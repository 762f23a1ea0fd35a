"""Peak Patch on the densities of a simulation's test boxes, against the simulation (`ground_truth.source: n_body`)."""


rule compare_truths:
    input:
        haloes=[f"{folder}/{{box}}/haloes.h5" for folder in (GROUND_TRUTH, PEAK_PATCH)],
        masks=[f"{folder}/{{box}}/mask.h5" for folder in (GROUND_TRUTH, PEAK_PATCH)],
        owners=f"{GROUND_TRUTH}/{{box}}/owners.h5",
    output:
        statistics=f"{STATISTICS}/truths/{{box}}.json",
    log:
        f"{LOGS}/compare_truths/{{box}}.log",
    benchmark:
        f"{LOGS}/compare_truths/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("compare_truths"),
        runtime=runtime("compare_truths"),
    params:
        script=script("compare_truths"),
        code=digest("compare_truths"),
        settings=as_json(SETTINGS.statistics),
    shell:
        "python {params.script} --haloes {input.haloes} --masks {input.masks} --owners {input.owners}"
        " --settings {params.settings:q} --statistics {output.statistics} > {log} 2>&1"


rule draw_truths:
    input:
        statistics=expand(f"{STATISTICS}/truths/{{box}}.json", box=TEST_BOXES),
    output:
        figures=truths_figures(),
    log:
        f"{LOGS}/draw_truths.log",
    benchmark:
        f"{LOGS}/draw_truths.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("draw_truths"),
        runtime=runtime("draw_truths"),
    params:
        script=script("draw_truths"),
        code=digest("draw_truths"),
    shell:
        "python {params.script} --statistics {input.statistics} --figures $(dirname {output.figures[0]}) > {log} 2>&1"
