"""What all settings share: frozen models, validation, and errors that name the key."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from halonet.checks.json_objects import TwiceError, each_once
from halonet.checks.numbers import ROUNDING


def _without_rounding(redshift: object) -> object:
    """A redshift, 0 where it is so little below it; anything else as it is."""
    number = isinstance(redshift, int | float) and not isinstance(redshift, bool)
    return 0.0 if number and -ROUNDING <= redshift < 0 else redshift  # type: ignore[operator]


Fraction = Annotated[float, Field(ge=0, le=1)]
Radius = Annotated[float, Field(gt=0, allow_inf_nan=False)]
RoundedRedshift = Annotated[float, BeforeValidator(_without_rounding)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class SettingsError(ValueError):
    """A setting that cannot be used; the message names its key, its value and what would be right."""


class Model(BaseModel):
    """Frozen settings: an unknown key is an error, and text is never taken for a number or a truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    option: ClassVar[str] = "--settings"  # of a script that takes them by themselves

    def __init__(self, /, **values: Any) -> None:
        """Settings from Python, taken as those of a dictionary or a file are.

        Raises
        ------
        SettingsError
            If a value cannot be used; the message names the settings, the key and what would be right.
        """
        _build(type(self), values, type(self).__name__, self)

    # Without it pydantic would build the models of keys by __init__, and their errors would not name the whole key.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


M = TypeVar("M", bound=Model)


def validate(model: type[M], values: object, source: str) -> M:
    """Validate ``values`` as ``model``; a failure names the key, its value and ``source`` (a file or command line)."""
    return _build(model, values, source)


def _build(model: type[M], values: object, source: str, instance: M | None = None) -> M:
    """Settings of ``values``, those of ``instance`` where it is given."""
    try:
        # Through JSON, so that lists and numbers of YAML are taken as JSON takes them even in strict mode.
        text = json.dumps(values, default=_plain)
        return model.__pydantic_validator__.validate_json(text, self_instance=instance)
    except TypeError as error:
        raise SettingsError(f"{source}: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"{source}: {_explain(error)}") from None


def of_kind(settings: M | Mapping[str, object], model: type[M]) -> M:
    """Settings that Python code gives, as such or as a dictionary."""
    return settings if isinstance(settings, model) else validate(model, settings, model.__name__)


def _plain(value: object) -> Any:
    """Numbers and arrays of numpy, mappings and settings as JSON has them; what it has not, like dates, is refused."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{value} is a {type(value).__name__} and no setting; for a name, write it in quotes")


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "settings"
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "there is no such key"
        elif item["type"] == "missing":
            message = "this key is missing"
        elif item["type"] in ("float_type", "int_type") and _is_number(item["input"]):
            # YAML 1.1 knows an exponent only after a point and with a sign.
            message = "this is text; write the number without quotes, with point and sign, like 3.0e+12"
        shown = "" if isinstance(item["input"], dict) else f" = {item['input']!r}"
        lines.append(f"{key}{shown}: {message}")
    return "; ".join(lines)


def stage_settings(model: type[M], argument: str | None, option: str | None = None) -> M:
    """Settings of one stage from a script's option: JSON text, a JSON file's name, or None for defaults.

    Messages name ``option``, by default that of the model.
    """
    option = option or model.option
    if argument is None:
        return validate(model, {}, "default settings")
    stripped = argument.lstrip("\ufeff \n\t")
    text, source = (stripped, option) if stripped.startswith(("{", "[")) else (None, argument)
    if text is None:
        try:
            text = Path(argument).read_text(encoding="utf-8-sig")  # some editors begin with a mark
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "this is no text"
            raise SettingsError(f"{option} {argument}: {why}; give JSON text or a JSON file") from None
    try:
        return validate(model, json.loads(text, object_pairs_hook=each_once), source)
    except TwiceError as error:
        raise SettingsError(f"{source}: {error}") from None
    except json.JSONDecodeError as error:
        raise SettingsError(f"{source}: no valid JSON ({error})") from None
