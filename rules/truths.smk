"""Peak Patch on the densities of a simulation's test boxes, against the simulation (`ground_truth.source: n_body`)."""


rule compare_truths:
    input:
        haloes=[
            f"{folder}/{{box}}/haloes.h5"
            for folder in (LAYOUT.ground_truth, LAYOUT.peak_patch)
        ],
        masks=[
            f"{folder}/{{box}}/mask.h5"
            for folder in (LAYOUT.ground_truth, LAYOUT.peak_patch)
        ],
        owners=f"{LAYOUT.ground_truth}/{{box}}/owners.h5",
    output:
        statistics=f"{LAYOUT.statistics}/truths/{{box}}.json",
    log:
        f"{LAYOUT.logs}/compare_truths/{{box}}.log",
    benchmark:
        f"{LAYOUT.logs}/compare_truths/{{box}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("compare_truths"),
    params:
        **PARAMETERS.of_script("compare_truths"),
        settings=as_json(SETTINGS.statistics),
    shell:
        "python {params.script:q} --haloes {input.haloes:q} --masks {input.masks:q} --owners {input.owners:q}"
        " --settings {params.settings:q} --statistics {output.statistics:q} > {log:q} 2>&1"


rule draw_truths:
    input:
        statistics=expand(
            f"{LAYOUT.statistics}/truths/{{box}}.json", box=LAYOUT.test_boxes
        ),
    output:
        figures=truths_figures(LAYOUT),
    log:
        f"{LAYOUT.logs}/draw_truths.log",
    benchmark:
        f"{LAYOUT.logs}/draw_truths.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("draw_truths"),
    params:
        **PARAMETERS.of_script("draw_truths"),
    shell:
        'python {params.script:q} --statistics {input.statistics:q} --figures "$(dirname {output.figures[0]:q})" > {log:q} 2>&1'
