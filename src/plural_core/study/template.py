"""The config's keys as documents: ``configs/template.yaml`` and the key table of ``configs/README.md``."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from plural_core.study import instrument
from plural_core.study.config import StudyConfig

_HEAD = """\
# Every key of a study config with its default. Copy it, keep what differs, delete the rest: an omitted key has
# the default shown here, and an unknown one is an error. Explanations: configs/README.md. Made by `make docs`.
"""


def template_text() -> str:
    """Return ``configs/template.yaml``: every key with its default, each explained in a comment."""
    data: dict[str, Any] = {"study": "template", "dimensions": instrument.dimensions(), "factors": instrument.factors()}
    config = StudyConfig.model_validate(data)
    return _HEAD + "\n".join(_section(StudyConfig, config, 0)) + "\n"


def key_table() -> str:
    """Return the key table of ``configs/README.md`` in Markdown: key, type, default, meaning."""
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    rows += [f"| `{key}` | {kind} | {default} | {meaning} |" for key, kind, default, meaning in _rows(StudyConfig, "")]
    return "\n".join(rows) + "\n"


def _section(model: type[BaseModel], values: BaseModel, indent: int) -> list[str]:
    pad = "  " * indent
    lines: list[str] = []
    for name, field in model.model_fields.items():
        value = getattr(values, name)
        if indent == 0:
            lines.append("")
        if field.description:
            lines.append(f"{pad}# {_one_line(field.description)}")
        if isinstance(value, BaseModel):
            lines += [f"{pad}{name}:", *_section(type(value), value, indent + 1)]
        elif isinstance(value, dict) and value and all(isinstance(v, BaseModel) for v in value.values()):
            lines.append(f"{pad}{name}:")
            for number, (key, entry) in enumerate(value.items()):
                body = _section(type(entry), entry, indent + 2)
                if number:  # the keys are explained once
                    body = [line for line in body if not line.lstrip().startswith("#")]
                lines += [f"{pad}  {key}:", *body]
        else:
            lines.append(f"{pad}{name}: {_flow(value)}")
    return lines


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _rows(model: type[BaseModel], prefix: str) -> list[tuple[str, str, str, str]]:
    rows: list[tuple[str, str, str, str]] = []
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        nested = _nested(field.annotation)
        meaning = _one_line(field.description or "")
        if nested is None:
            rows.append((key, _kind(field.annotation), _default(field), meaning))
        elif get_origin(field.annotation) is dict:
            default = "the paper's instrument" if name in ("dimensions", "factors") else "none"
            rows.append((f"{key}.NAME", "section", default, meaning or "One section per name."))
            rows += _rows(nested, f"{key}.NAME.")
        else:
            rows += _rows(nested, f"{key}.")
    return rows


def _nested(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{a}`" for a in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_kind(a) for a in arguments)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return f"map of {_kind(arguments[0])} to {_kind(arguments[1])}"
    names = {str: "text", int: "whole number", float: "number", bool: "`true` \\| `false`", type(None): "null"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "required" if value is PydanticUndefined else f"`{_flow(value)}`"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")
