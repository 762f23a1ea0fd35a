"""What the Snakefile and the rules use: files of a run, what its jobs need, are told and ask for, how it is doing.

Paths and boxes of a run (``layout``), files that targets keep (``kept_files``, ``kept_of_models``), inputs of rules
that depend on wildcards (``job_inputs``), parameters of jobs (``parameters``), memory and time (``costs``,
``operations``, ``machine``, ``resources``), progress, state and failures of a run (``run_progress``, ``run_status``,
``run_log``). No script of a rule imports from here, so that a change plans nothing anew.

Names that a Snakefile imports replace those of Snakemake itself; that is why no class here has the name of one there.
"""
