"""The command ``halonet``: one module for each word, which the script of the same task uses, too.

A module has a docstring, ``EXAMPLES``, ``add_arguments(parser)`` and ``run(arguments)``.
"""
