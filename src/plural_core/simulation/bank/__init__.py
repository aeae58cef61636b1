"""The simulation's written material as YAML: phrases, prompts, recipes, and the world's coefficients."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

LANGUAGES = ("en", "de")
LANGUAGE_OF_COUNTRY = {"US": "en", "Germany": "de"}


@cache
def read_bank(name: str) -> dict[str, Any]:
    """Return the bank file ``<name>.yaml`` as plain data; callers must not change it."""
    text = files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data
