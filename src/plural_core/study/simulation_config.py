"""The ``simulation`` section of a study config."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plural_core.study.base import Section


class SimulationConfig(Section):
    """A study whose truth is known."""

    world: Literal["paper", "additive", "null"] = "paper"
    """Group differences: shifts and slopes, shifts only, or neither."""
    participants: int = Field(default=1095, ge=10)
    """Number of participants."""
