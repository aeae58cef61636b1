"""A visitor's choices as a study config: for reading their file here, and to download."""

from __future__ import annotations

import re
from typing import Any

import yaml
from pydantic import ValidationError

from plural_core.dashboard.upload.guess import Mapping, is_ordered
from plural_core.errors import ConfigError
from plural_core.ratings.raw import RawTable
from plural_core.study import StudyConfig

BOOTSTRAP = 200
"""Draws for intervals here; the downloaded config has them too, so that it gives the same numbers."""
_HEADER = (
    "# Made by the dashboard from an uploaded file. Put it beside the file, then: plural run {name}.yaml\n"
    "# Every key is explained in configs/README.md.\n"
)


def config_data(mapping: Mapping, raw: RawTable, name: str) -> dict[str, Any]:
    """Return the config as plain data; what is not needed is left out.

    Raises
    ------
    ConfigError
        A choice that is missing.
    """
    if not mapping.participant:
        raise ConfigError("name the column that says who rated")
    if not mapping.dimensions:
        raise ConfigError("name at least one column with ratings")
    names = {d: _column(d, "dimension") for d in mapping.dimensions}
    _distinct(names)
    factors = {f: _column(f, "factor") for f in mapping.factors}
    _distinct(factors)
    columns: dict[str, Any] = {"participant": mapping.participant, "item": mapping.item or None}
    if mapping.long:
        columns["rating"] = mapping.rating
        if mapping.dimension:
            columns["dimension"] = mapping.dimension
    if not (mapping.long and not mapping.dimension):
        columns["ratings"] = {names[d]: d for d in mapping.dimensions}
    for key in ("prompt", "response", "prompt_id", "language"):
        if getattr(mapping, key):
            columns[key] = getattr(mapping, key)
    if factors:
        columns["factors"] = {factors[f]: f for f in mapping.factors}
    return {
        "study": name,
        "title": name.replace("-", " ").replace("_", " "),
        "data": {"adapter": "table", "path": raw.path.name, "on_conflict": "mode", "columns": columns},
        "dimensions": {names[d]: _dimension(d, mapping) for d in mapping.dimensions},
        "factors": {
            factors[f]: {"label": f, **({"ordered": True} if is_ordered(raw, f) else {})} for f in mapping.factors
        },
        "agreement": {"bootstrap": BOOTSTRAP},
    }


def _dimension(name: str, mapping: Mapping) -> dict[str, Any]:
    levels = mapping.levels.get(name, 5)
    found: dict[str, Any] = {"label": name.replace("_", " "), "levels": levels}
    found["high_is"] = "bad" if name in mapping.bad else "good"
    if mapping.lowest.get(name, 1) == 0:
        found["values"] = {str(v): v + 1 for v in range(levels)} | {f"{v}.0": v + 1 for v in range(levels)}
    return found


def _factor(name: str, raw: RawTable) -> dict[str, Any]:
    return {"label": name, "ordered": True} if is_ordered(raw, name) else {"label": name}


def check_config(data: dict[str, Any]) -> StudyConfig:
    """Return the checked config.

    Raises
    ------
    ConfigError
        It does not hold together, in one line.
    """
    try:
        return StudyConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"{where + ': ' if where else ''}{message}") from None


def config_yaml(data: dict[str, Any]) -> str:
    """Return the config as a YAML file."""
    body = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    return _HEADER.format(name=data["study"]) + body


def study_name(file_name: str) -> str:
    """Return a study's name from a file's: small letters, digits and hyphens."""
    stem = file_name.rsplit(".", 1)[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:40] or "mine"


def _column(name: str, kind: str) -> str:
    """Return a name that can stand in tables: letters, digits and underscores."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
    if not plain:
        plain = kind
    return plain if not plain[0].isdigit() else f"{kind[0]}_{plain}"


def _distinct(names: dict[str, str]) -> None:
    for original, plain in names.items():
        twin = next((o for o, p in names.items() if p == plain and o != original), None)
        if twin is not None:
            raise ConfigError(f"columns '{original}' and '{twin}' would get the same name; rename one in the file")
