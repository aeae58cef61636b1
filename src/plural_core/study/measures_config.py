"""The ``dimensions`` and ``factors`` sections of a study config: what is rated, and how raters differ."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from plural_core.errors import nearest
from plural_core.study.base import Section


class DimensionConfig(Section):
    """One rated dimension; it owns its scale."""

    label: str
    """Name shown to readers."""
    definition: str = ""
    """What raters were told the dimension means."""
    levels: int = Field(default=5, ge=2, le=100)
    """Number of levels; ratings are level numbers 1 ... levels."""
    labels: list[str] | None = None
    """One label per level, lowest first."""
    high_is: Literal["good", "bad"] = "good"
    """Direction: is a high rating good or bad?"""
    agree_from: int | None = None
    """Lowest level that counts as agreeing (default: the upper part of the scale)."""
    disagree_to: int | None = None
    """Highest level that counts as disagreeing (default: the lower part of the scale)."""
    scales: dict[str, list[int | None]] = Field(default_factory=dict)
    """Maps to coarser scales: for each level its new level, or null to drop the rating."""
    values: dict[str, int] = Field(default_factory=dict)
    """Raw values that are not level numbers: what stands in the file, and the level it means."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.labels is not None and len(self.labels) != self.levels:
            raise ValueError(f"labels: {len(self.labels)} labels for {self.levels} levels")
        for name, value in (("agree_from", self.agree_from), ("disagree_to", self.disagree_to)):
            if value is not None and not 1 <= value <= self.levels:
                raise ValueError(f"{name}: {value} is not a level from 1 to {self.levels}")
        if self.disagree_level >= self.agree_level:
            raise ValueError(f"disagree_to ({self.disagree_level}) must lie below agree_from ({self.agree_level})")
        for name, mapping in self.scales.items():
            _check_scale(name, mapping, self.levels)
        for raw, level in self.values.items():
            if not 1 <= level <= self.levels:
                raise ValueError(f"values: '{raw}' maps to {level}, not a level from 1 to {self.levels}")
        return self

    @property
    def agree_level(self) -> int:
        """Lowest level that counts as agreeing."""
        return self.agree_from if self.agree_from is not None else self.levels // 2 + 1 + self.levels % 2

    @property
    def disagree_level(self) -> int:
        """Highest level that counts as disagreeing."""
        return self.disagree_to if self.disagree_to is not None else self.levels // 2


def _check_scale(name: str, mapping: list[int | None], levels: int) -> None:
    if len(mapping) != levels:
        raise ValueError(f"scales.{name}: {len(mapping)} entries for {levels} levels")
    kept = [m for m in mapping if m is not None]
    if kept != sorted(kept) or not kept or set(kept) != set(range(1, max(kept) + 1)) or max(kept) < 2:
        raise ValueError(
            f"scales.{name}: the new levels must rise from 1 without gaps and be at least two; found {mapping}"
        )


class FactorConfig(Section):
    """One property of participants that the analyses compare."""

    label: str | None = None
    """Name shown to readers (default: the column's name)."""
    levels: list[str] | None = None
    """Expected levels in reading order (default: those in the data)."""
    reference: str | None = None
    """Reference level of contrasts (default: the first level)."""
    ordered: bool = False
    """Levels have an order, so small ones merge with a neighbour."""
    recode: dict[str, str] = Field(default_factory=dict)
    """What stands in the file, and the level it means; one of ``data.missing`` to take it as not stated."""
    bands: dict[str, list[float]] = Field(default_factory=dict)
    """For a column of numbers: each level with its lowest and highest number; other numbers are not stated."""

    @model_validator(mode="before")
    @classmethod
    def _levels_of_bands(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("bands"), dict) and raw["bands"]:
            return {"levels": [str(name) for name in raw["bands"]], "ordered": True, **raw}
        return raw

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(len(ends) != 2 or ends[0] > ends[1] for ends in self.bands.values()):
            raise ValueError("bands: give each level its lowest and highest number, for example {'18-30': [18, 30]}")
        ends = sorted(self.bands.values())
        if any(right[0] <= left[1] for left, right in pairwise(ends)):
            raise ValueError("bands: two bands overlap")
        if self.levels is not None:
            if len(set(self.levels)) != len(self.levels):
                raise ValueError("levels: a level is named twice")
            if self.reference is not None and self.reference not in self.levels:
                raise ValueError(
                    f"reference: unknown level '{self.reference}'.{nearest(self.reference, self.levels)} "
                    f"Known levels: {', '.join(self.levels)}"
                )
        return self
