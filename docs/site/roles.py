"""Docstrings have the roles of Sphinx, like :func:`halonet.make_mock`; the site has links in their place."""

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`(~?)([^`]+)`")
EQUATION = re.compile(r":math:`([^`]+)`")


def link(found: re.Match) -> str:
    """A link to an object of the package, if the site has it; otherwise its name."""
    short, name = found.groups()
    shown = name.split(".")[-1] if short else name
    return f'<autoref identifier="{name}" optional><code>{shown}</code></autoref>'


class Roles(griffe.Extension):
    """Rewrites every docstring as it is read."""

    def on_object(self, *, obj, **kwargs):
        """Called by griffe for modules, classes, functions and attributes."""
        if obj.docstring and not obj.is_alias:
            obj.docstring.value = EQUATION.sub(r"$\1$", ROLE.sub(link, obj.docstring.value))
