"""The parser of every script's command line: options say what they are, and are checked together.

An option's ``type`` is a :class:`halonet.checks.numbers.Number`, or one of the kinds of files here. Outputs are held
against inputs and each other, before anything is computed.
"""

import argparse
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from halonet.checks.names import split_dataset, stem_of
from halonet.checks.paths import NETWORK_FILES, Given, check_paths

OVERRIDE = "--outside-validity"
NEGATIVE = re.compile(r"-\.?\d[\d.,eE+-]*$")  # a value, and no option: argparse knows neither -1e3 nor -1,0,0


@dataclass(frozen=True)
class FileOption:
    """What a file option is; called with its text, it returns the path.

    Parameters
    ----------
    written
        Whether the script writes the file.
    folder
        Whether it is a folder; None for one that may be either.
    guarded
        Of a folder that is read: patterns of files that no output may replace.
    endings
        Of an output: endings of further files of its name that are written, like ``.png``.
    itself
        Whether the file itself is written, and not only those with ``endings``.
    or_text
        Whether the option may also be JSON text, which begins with a brace.
    with_dataset
        Whether a colon and the name of a dataset may follow.
    named
        The folder that a name stands for, where the option may also be a name; None for one that is not known.
    convert
        Makes the value that the script gets.
    otherwise
        The file that is read or written where the option is not given, which the other options may decide.
    """

    written: bool = False
    folder: bool | None = False
    guarded: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    itself: bool = True
    or_text: bool = False
    with_dataset: bool = False
    named: Callable[[str], Path | None] | None = None
    convert: Callable[[str], object] = str
    otherwise: Callable[[argparse.Namespace], object] | None = None

    def or_else(self, otherwise: Callable[[argparse.Namespace], object]) -> "FileOption":
        """This kind of file with one that is read or written where the option is not given."""
        return replace(self, otherwise=otherwise)

    def or_name(self, named: Callable[[str], Path | None]) -> "FileOption":
        """This kind of folder, or the name of one; no output replaces its files, whatever it is called by."""
        return replace(self, named=named)

    def __call__(self, text: str) -> object:
        """Return the path that the text is; refuse one that names nothing."""
        if not text.strip() or "\0" in text:
            raise argparse.ArgumentTypeError(f"{text!r} names no {'folder' if self.folder else 'file'}")
        return self.convert(text)

    def given(self, option: str, value: object) -> Iterator[Given]:
        """Files that a value of the option stands for."""
        if self.or_text and str(value).lstrip("\ufeff \n\t").startswith(("{", "[")):
            return
        path = Path(split_dataset(str(value))[0] if self.with_dataset else str(value))
        if self.named and not path.exists():
            if (folder := self.named(str(value))) is None:
                return  # what looks for it names all that there are
            path = folder
        if self.itself:
            yield Given(option, path, self.folder, self.guarded)
        for ending in self.endings:
            yield Given(option, path.with_name((stem_of(path) if self.itself else path.name) + ending))


READS = FileOption()
PHASES = FileOption(with_dataset=True)
READS_PATH = FileOption(convert=Path)
READS_EITHER = FileOption(folder=None)
WRITES = FileOption(written=True)
READS_FOLDER = FileOption(folder=True)
WRITES_WITH_FIGURES = FileOption(written=True, endings=(".png", ".pdf"))  # of the same name
WRITES_FIGURE = FileOption(written=True, endings=(".png", ".pdf"), itself=False, convert=Path)
WRITES_FOLDER = FileOption(written=True, folder=True)
WRITES_FOLDER_PATH = FileOption(written=True, folder=True, convert=Path)
SETTINGS = FileOption(or_text=True)
NETWORK = FileOption(folder=True, guarded=NETWORK_FILES)
NETWORK_PATH = FileOption(folder=True, guarded=NETWORK_FILES, convert=Path)
BOXES = FileOption(folder=True, guarded=("*/*.h5",))
BOX_FILES = FileOption(folder=True, guarded=("*.h5",))


def add_override(parser: argparse.ArgumentParser, where: str) -> None:
    """Add the one flag that turns refusals of what is not plausible into warnings; ``where`` stands in the help."""
    parser.add_argument(OVERRIDE, action="store_true", help=f"warn only, where {where}")


class Parser(argparse.ArgumentParser):
    """A parser that checks the files of all options; it shows the description as it is written."""

    check = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter} | options)
        self._negative_number_matcher = NEGATIVE

    # argparse calls it for every parser, those of subcommands, too.
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:  # type: ignore[override]
        """Parse, and check the files that are named; see :func:`halonet.checks.paths.check_paths`."""
        arguments, unknown = super().parse_known_args(args, namespace)
        reads: list[Given] = []
        writes: list[Given] = []
        for action in self._actions:
            if isinstance(action.type, FileOption):
                value = getattr(arguments, action.dest, None)
                if value is None and action.type.otherwise:
                    setattr(arguments, action.dest, value := action.type.otherwise(arguments))
                option = action.option_strings[-1] if action.option_strings else action.dest
                for each in value if isinstance(value, list) else [value]:
                    if each is not None:
                        (writes if action.type.written else reads).extend(action.type.given(option, each))
        if reads or writes:
            arguments.named_files = reads, writes
        if self.check:
            check_files(arguments)
        return arguments, unknown


class NotingParser(Parser):
    """A parser that only notes the files, for :func:`check_files`; so are those of its subcommands."""

    check = False


def check_files(arguments: argparse.Namespace) -> None:
    """Check the files that a command line names, before anything is computed."""
    check_paths(*getattr(arguments, "named_files", ((), ())))
