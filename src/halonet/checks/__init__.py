"""What a user gives is checked before anything is computed: numbers, files and their objects, names, values.

Each kind of check has one module, and every script parses its command line with :class:`halonet.checks.parser.Parser`.
"""
