"""The ``simulation`` section of a study config."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from plural_core.study.base import Section

Shares = dict[str, float]
COUNTRIES = ("US", "Germany")


class PopulationConfig(Section):
    """Who rates: shares of the levels of each factor; each set must sum to 1."""

    country: Shares = Field(default_factory=lambda: {"US": 0.5, "Germany": 0.5})
    """Share of each country; a participant rates in the country's language."""
    gender: Shares = Field(default_factory=lambda: {"female": 0.49, "male": 0.475, "non-binary": 0.035})
    """Share of each gender; gender minorities are few, as in the paper."""
    age_band: Shares = Field(
        default_factory=lambda: {"18-30": 0.40, "31-40": 0.28, "41-50": 0.17, "51-60": 0.10, "over 60": 0.05}
    )
    """Share of each age band; older people are underrepresented, as in the paper."""
    political: Shares = Field(default_factory=lambda: {"liberal": 0.46, "moderate": 0.34, "conservative": 0.20})
    """Share of each political position; conservatives are underrepresented, as in the paper."""
    ethnicity: dict[str, Shares] = Field(
        default_factory=lambda: {
            "US": {"White": 0.54, "Black": 0.25, "Asian": 0.08, "Hispanic": 0.10, "other": 0.03},
            "Germany": {"White": 0.87, "Black": 0.05, "Asian": 0.04, "Hispanic": 0.01, "other": 0.03},
        }
    )
    """For each country, the share of each ethnicity."""
    declined: float = Field(default=0.0, ge=0.0, le=0.5)
    """Share of participants who do not state a factor, drawn for each factor but country."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        sets = {name: getattr(self, name) for name in ("country", "gender", "age_band", "political")}
        for country in self.country:
            if country not in COUNTRIES:
                raise ValueError(f"country: the simulation knows {' and '.join(COUNTRIES)}, not '{country}'")
            if country not in self.ethnicity:
                raise ValueError(f"ethnicity: no shares for country '{country}'")
        sets |= {f"ethnicity.{country}": shares for country, shares in self.ethnicity.items()}
        for name, shares in sets.items():
            if any(share < 0 for share in shares.values()):
                raise ValueError(f"{name}: a share is negative")
            if abs(sum(shares.values()) - 1.0) > 1e-9:
                raise ValueError(f"{name}: shares sum to {sum(shares.values()):.6g}, not 1")
        return self


class SimulationConfig(Section):
    """A study whose truth is known."""

    world: Literal["paper", "additive", "null"] = "paper"
    """Group differences: shifts and slopes, shifts only, or neither."""
    participants: int = Field(default=1095, ge=10)
    """Number of participants."""
    ratings_per_participant: int = Field(default=5, ge=1)
    """Items that each participant rates, all different."""
    prompts: int | None = Field(default=None, ge=2)
    """Number of rated prompts (default: 3.1 raters per item as in the paper, so 587 for 1,095 participants)."""
    responses_per_prompt: int = Field(default=3, ge=1, le=20)
    """Responses to each prompt; prompt and response together are an item."""
    languages: Literal["by_country", "shared"] = "by_country"
    """Each country its own prompts in its language, or one set that everybody rates, translated for Germany."""
    test_prompts: int = Field(default=200, ge=0)
    """Further prompts per language of the items, for testing tuned models; none of them is rated."""
    acceptance_prompts: int = Field(default=200, ge=0)
    """Further prompts per language of the items, for accepting base models; none of them is rated or tested."""
    population: PopulationConfig = PopulationConfig()
    """Shares of the participants' categories."""
    rater_sd: float = Field(default=0.6, ge=0.0)
    """Standard deviation of the rater effect, in logits."""
    rater_correlation: float = Field(default=0.5, ge=0.0, lt=1.0)
    """Correlation of a rater's effects on two dimensions of the same direction."""
    item_sd: float = Field(default=0.4, ge=0.0)
    """Standard deviation of the item effect that the text does not explain, in logits."""
    gains: dict[str, float] = Field(default_factory=dict)
    """For each dimension, logits per unit of a text's strength (default: the calibrated ones)."""
    thresholds: dict[str, list[float]] = Field(default_factory=dict)
    """For each dimension, the rising thresholds in logits (default: the calibrated ones)."""
    shifts: dict[str, dict[str, float]] = Field(default_factory=dict)
    """For each dimension, log odds of a level, as `gendermale` or `gender:male`; added to or replacing the world's."""
    slopes: dict[str, dict[str, float]] = Field(default_factory=dict)
    """For each dimension, how strongly a level's ratings follow the text (1: as the average), written like shifts."""

    @field_validator("world", mode="before")
    @classmethod
    def _null_is_a_world(cls, value: object) -> object:
        # YAML reads an unquoted null, and --set simulation.world=null, as no value.
        return "null" if value is None else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, values in self.thresholds.items():
            if not values or any(b <= a for a, b in pairwise(values)):
                raise ValueError(f"thresholds.{name}: thresholds must rise")
        return self
