"""Figures of each catalogue, and one self-contained report.

A catalogue whose finder was calibrated has one figure more, of the calibration, and a rule of its own: declared files may not
depend on the name of the catalogue.
"""


rule draw_figures:
    input:
        density=f"{LAYOUT.ground_truth}/{LAYOUT.test_boxes[0]}/density.h5",
        true_mask=f"{LAYOUT.ground_truth}/{LAYOUT.test_boxes[0]}/mask.h5",
        true_haloes=f"{LAYOUT.ground_truth}/{LAYOUT.test_boxes[0]}/haloes.h5",
        probability=INPUTS.probability_behind(LAYOUT.test_boxes[0]),
        haloes=f"{LAYOUT.haloes}/{{network}}/{LAYOUT.test_boxes[0]}.h5",
        statistics=f"{LAYOUT.statistics}/{{network}}/{LAYOUT.test_boxes[0]}.json",
        summary=f"{LAYOUT.statistics}/{{network}}/summary.json",
        history=INPUTS.of_network_behind("history.csv"),
        weights=INPUTS.of_network_behind("model.weights.h5"),
        network_settings=INPUTS.of_network_behind("settings.json"),
        thresholds=INPUTS.thresholds,
    output:
        figures=KEPT.figures_of_catalogue(calibrated=False),
    log:
        f"{LAYOUT.logs}/draw_figures/{{network}}.log",
    benchmark:
        f"{LAYOUT.logs}/draw_figures/{{network}}.tsv"
    wildcard_constraints:
        network=LAYOUT.names_of_catalogues(calibrated=False),
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("draw_figures"),
    params:
        **PARAMETERS.of_script("draw_figures"),
        thresholds=lambda wildcards, input: given("--thresholds", input.thresholds),
    shell:
        "python {params.script:q} --density {input.density:q} --true-mask {input.true_mask:q} --true-haloes {input.true_haloes:q}"
        " --probability {input.probability:q} --haloes {input.haloes:q} --statistics {input.statistics:q}"
        ' --summary {input.summary:q} --history {input.history:q} --network "$(dirname {input.weights:q})"'
        ' {params.thresholds:q} --figures "$(dirname {output.figures[0]:q})" > {log:q} 2>&1'


use rule draw_figures as draw_figures_with_calibration with:
    output:
        figures=KEPT.figures_of_catalogue(calibrated=True),
    log:
        f"{LAYOUT.logs}/draw_figures_with_calibration/{{network}}.log",
    benchmark:
        f"{LAYOUT.logs}/draw_figures_with_calibration/{{network}}.tsv"
    wildcard_constraints:
        network=LAYOUT.names_of_catalogues(calibrated=True),
    resources:
        **RESOURCES.of_rule("draw_figures_with_calibration"),


rule write_report:
    input:
        figures=KEPT.figures(),
        summaries=expand(
            f"{LAYOUT.statistics}/{{network}}/summary.json", network=LAYOUT.catalogues
        ),
        provenance=[
            f"{LAYOUT.networks}/{network_behind(name)}/provenance.json"
            for name in LAYOUT.catalogues
        ],
        neural_bias=neural_bias_of_run(LAYOUT),
        truths=truths_of_run(LAYOUT),
    output:
        report=LAYOUT.report,
    log:
        f"{LAYOUT.logs}/write_report.log",
    benchmark:
        f"{LAYOUT.logs}/write_report.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        **RESOURCES.of_rule("write_report"),
    params:
        **PARAMETERS.of_script("write_report"),
        networks=list(LAYOUT.catalogues),
        figures=[f"{LAYOUT.figures}/{name}" for name in LAYOUT.catalogues],
        # A function, since settings may hold the {box} of a user's files, which is no wildcard here.
        settings=lambda wildcards: json.dumps(PARAMETERS.reported_settings()),
        neural_bias=PARAMETERS.neural_bias_of_report(),
        truths=given(
            "--truths", [f"{LAYOUT.figures}/truths"] if LAYOUT.is_n_body else []
        ),
    shell:
        "python {params.script:q} --networks {params.networks:q} --summaries {input.summaries:q}"
        " --figures {params.figures:q} --provenance {input.provenance:q} --settings {params.settings:q}"
        " {params.neural_bias:q} {params.truths:q} --report {output.report:q} > {log:q} 2>&1"
