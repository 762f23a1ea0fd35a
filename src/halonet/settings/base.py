"""What all settings share: frozen models, validation, and errors that name the key."""

import json
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Fraction = Annotated[float, Field(ge=0, le=1)]
Radius = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class SettingsError(ValueError):
    """A setting that cannot be used; the message names its key, its value and what would be right."""


class Model(BaseModel):
    """Frozen settings: an unknown key is an error, and text is never taken for a number or a truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


M = TypeVar("M", bound=Model)


def validate(model: type[M], values: object, source: str) -> M:
    """Validate ``values`` as ``model``; a failure names the key, its value and ``source`` (a file or command line)."""
    try:
        # Through JSON, so that lists and numbers of YAML are taken as JSON takes them even in strict mode.
        return model.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise SettingsError(f"{source}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "settings"
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "there is no such key"
        elif item["type"] == "missing":
            message = "this key is missing"
        shown = "" if isinstance(item["input"], dict) else f" = {item['input']!r}"
        lines.append(f"{key}{shown}: {message}")
    return "; ".join(lines)


def stage_settings(model: type[M], argument: str | None) -> M:
    """Settings of one stage from a script's ``--settings``: JSON text, a JSON file's name, or None for defaults."""
    if argument is None:
        return validate(model, {}, "default settings")
    text, source = (argument, "--settings") if argument.lstrip().startswith("{") else (None, argument)
    if text is None:
        try:
            text = Path(argument).read_text()
        except OSError as error:
            raise SettingsError(f"--settings {argument}: {error.strerror}; give JSON text or a JSON file") from None
    try:
        return validate(model, json.loads(text), source)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{source}: no valid JSON ({error})") from None
