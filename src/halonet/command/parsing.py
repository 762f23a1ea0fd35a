"""Parsers of commands and scripts, which differ in nothing but their names."""

import argparse
from types import ModuleType

from halonet import console
from halonet.checks.parser import Parser


def fill(parser: argparse.ArgumentParser, module: ModuleType, examples: bool = True) -> argparse.ArgumentParser:
    """Give a parser the description, arguments and, at the end of its help, the examples of a command's module."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = module.__doc__
    parser.epilog = f"examples:\n{module.EXAMPLES.rstrip()}" if examples else None
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
    return parser


def run_script(module: ModuleType) -> None:
    """Run the script that does what the command of ``module`` does."""

    def main() -> int | None:
        arguments = fill(Parser(), module, examples=False).parse_args()
        return arguments.run(arguments)

    console.run(main)
