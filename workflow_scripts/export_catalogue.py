"""Write a halo catalogue in the format of another code; docs/exporting.md says what each one holds and loses."""

import argparse

from halonet import console
from halonet.export.formats import FORMATS, export_catalogue


def main() -> None:
    """Read the catalogue, check that the format can take it, write it."""
    formats = "\n".join(f"  {form.name:10} *{form.suffix:17} {form.description}" for form in FORMATS.values())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\n\nformats:\n{formats}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("haloes", help="HDF5 catalogue of this project")
    parser.add_argument("--to", required=True, choices=FORMATS, help="format to write")
    parser.add_argument("--output", help="file to write; default: beside the catalogue, with the format's suffix")
    arguments = parser.parse_args()
    output = export_catalogue(arguments.haloes, arguments.to, arguments.output)
    console.log.info("%s: %s written", output, FORMATS[arguments.to].description)


if __name__ == "__main__":
    console.run(main)
