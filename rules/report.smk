"""Figures of each catalogue, and one self-contained report."""


rule draw_figures:
    input:
        density=f"{GROUND_TRUTH}/{TEST_BOXES[0]}/density.h5",
        true_mask=f"{GROUND_TRUTH}/{TEST_BOXES[0]}/mask.h5",
        true_haloes=f"{GROUND_TRUTH}/{TEST_BOXES[0]}/haloes.h5",
        probability=probability_behind(TEST_BOXES[0]),
        haloes=f"{HALOES}/{{network}}/{TEST_BOXES[0]}.h5",
        statistics=f"{STATISTICS}/{{network}}/{TEST_BOXES[0]}.json",
        summary=f"{STATISTICS}/{{network}}/summary.json",
        history=in_network("history.csv"),
        weights=in_network("model.weights.h5"),
        network_settings=in_network("settings.json"),
        thresholds=lambda wildcards: thresholds_of(wildcards.network),
    output:
        figures=expand(f"{FIGURES}/{{{{network}}}}/{{name}}", name=figure_names()),
    log:
        f"{LOGS}/draw_figures/{{network}}.log",
    benchmark:
        f"{LOGS}/draw_figures/{{network}}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("draw_figures"),
        runtime=runtime("draw_figures"),
    params:
        script=script("draw_figures"),
        code=digest("draw_figures"),
        thresholds=lambda wildcards, input: (
            ["--thresholds", *input.thresholds] if input.thresholds else []
        ),
    shell:
        "python {params.script} --density {input.density} --true-mask {input.true_mask} --true-haloes {input.true_haloes}"
        " --probability {input.probability} --haloes {input.haloes} --statistics {input.statistics}"
        " --summary {input.summary} --history {input.history} --network $(dirname {input.weights})"
        " {params.thresholds} --figures $(dirname {output.figures[0]}) > {log} 2>&1"


rule write_report:
    input:
        figures=figure_files(),
        summaries=expand(f"{STATISTICS}/{{network}}/summary.json", network=CATALOGUES),
        provenance=[
            f"{NETWORKS}/{trained(name)}/provenance.json" for name in CATALOGUES
        ],
        neural_bias=neural_bias_of_run(),
        truths=truths_of_run(),
    output:
        report=REPORT,
    log:
        f"{LOGS}/write_report.log",
    benchmark:
        f"{LOGS}/write_report.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=memory("write_report"),
        runtime=runtime("write_report"),
    params:
        script=script("write_report"),
        code=digest("write_report"),
        networks=list(CATALOGUES),
        figures=[f"{FIGURES}/{name}" for name in CATALOGUES],
        # A function, since settings may hold the {box} of a user's files, which is no wildcard here.
        settings=lambda wildcards: json.dumps(reported_settings()),
        neural_bias=neural_bias_option(),
        truths=given("--truths", [f"{FIGURES}/truths"] if N_BODY else []),
    shell:
        "python {params.script} --networks {params.networks} --summaries {input.summaries}"
        " --figures {params.figures} --provenance {input.provenance} --settings {params.settings:q}"
        " {params.neural_bias} {params.truths} --report {output.report} > {log} 2>&1"
