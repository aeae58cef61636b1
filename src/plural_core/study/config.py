"""The pydantic model of a study config; every key is documented in ``configs/README.md``."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from plural_core.errors import nearest
from plural_core.study import instrument
from plural_core.study.base import Section
from plural_core.study.simulation_config import SimulationConfig

AdapterName = Literal["simulation", "table", "aligniverse", "popquorn", "sbic", "dices", "prism"]
OWN_INSTRUMENT = ("simulation", "aligniverse")
STANDARD_FACTORS = ("country", "gender", "age_band", "political", "ethnicity")
RESERVED = ("participant_id", "item_id", "dimension", "rating", "position", "passed_attention")
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*$")
_COLUMN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


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


class ColumnsConfig(Section):
    """Which column of a user's own table holds what (adapter ``table``)."""

    participant: str = "participant_id"
    """Who rated."""
    item: str | None = "item_id"
    """What was rated; null to number the distinct (prompt, response) pairs."""
    dimension: str | None = None
    """Long layout: the column that names the dimension."""
    rating: str | None = None
    """Long layout: the column that holds the rating."""
    ratings: dict[str, str] = Field(default_factory=dict)
    """For each dimension, its column (wide) or its name in the file (long); default: the dimension's own name."""
    position: str | None = None
    """Order in which a participant rated (default: a column of that name, else the order of rows)."""
    prompt_id: str | None = None
    """Identifies the prompt (default: a column of that name, else the distinct prompt texts, else the item)."""
    prompt: str | None = None
    """Text of the prompt (default: a column of that name, if there is one)."""
    response: str | None = None
    """Text of the response (default: a column of that name, if there is one)."""
    language: str | None = None
    """Language of the item (default: a column of that name, if there is one)."""
    source: str | None = None
    """Where the response came from, a model for example (default: a column of that name, if there is one)."""
    passed_attention: str | None = None
    """Whether the participant passed the attention check (default: a column of that name, if there is one)."""
    factors: dict[str, str] = Field(default_factory=dict)
    """For each factor, its column (default: the factor's own name)."""


class DataConfig(Section):
    """Where the ratings come from."""

    adapter: AdapterName = "simulation"
    """Which adapter reads them."""
    path: str | None = None
    """File or folder of the raw data; relative to the config's folder or to the working directory."""
    format: Literal["auto", "csv", "tsv", "parquet", "jsonl"] = "auto"
    """Adapter ``table``: format of the file (auto: by its name)."""
    layout: Literal["auto", "long", "wide"] = "auto"
    """Adapter ``table``: one row per rating, or one column per dimension."""
    encoding: str = "utf-8"
    """Text encoding of CSV, TSV and JSONL files."""
    columns: ColumnsConfig = ColumnsConfig()
    """Adapter ``table``: which column holds what."""
    participants: str | None = None
    """Adapter ``table``: a second file with one row per participant, joined by the participant column."""
    items: str | None = None
    """Adapter ``table``: a second file with one row per item, joined by the item column."""
    missing: list[str] = Field(default_factory=lambda: ["", "NA", "N/A", "na", "n/a", "nan", "NaN", "null", "None"])
    """Texts that mean "no value"."""
    on_conflict: Literal["error", "mode"] = "error"
    """Adapter ``table``: contradicting duplicates are an error, or resolved to the most frequent value."""
    bins: list[float] = Field(default_factory=lambda: [20.0, 40.0, 60.0, 80.0])
    """Adapter ``prism``: upper bounds of the score bins, the last bin open above."""
    keep_failed_attention: bool = True
    """Keep participants who failed an attention check (they are counted either way)."""

    @field_validator("bins")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if value != sorted(set(value)) or not value:
            raise ValueError("bins must rise")
        return value


class PrivacyConfig(Section):
    """Suppression of small cells in every table of people that is shown."""

    enabled: bool = True
    """Only a simulated study may switch it off, and every page says so."""
    k: int = Field(default=10, ge=2)
    """Every two-way cell that is shown holds 0 or at least k participants."""


class AgreementConfig(Section):
    """How disagreement is measured."""

    bootstrap: int = Field(default=1000, ge=0)
    """Bootstrap draws over items for the intervals of alpha and rates (0: none)."""
    level: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence level of every interval."""
    topics: int = Field(default=12, ge=2)
    """Number of prompt topics formed from the prompts' words."""
    topics_shown: int = Field(default=8, ge=1)
    """Topics listed per pair of groups."""


class PowerConfig(Section):
    """How many raters a study of this design needs."""

    method: Literal["information", "simulation"] = "information"
    """How power is found: from the expected standard errors, or by simulated studies as well (hours at full size)."""
    participants: list[int] = Field(default_factory=lambda: [250, 500, 1000, 1500, 2000, 3000, 4000, 6000])
    """Numbers of raters to look at; the study's own is added."""
    percent_changes: list[float] = Field(default_factory=lambda: [10.0, 20.0, 30.0, 50.0])
    """Changes in odds to look at, in percent; 25 and -20 are equally large."""
    items: Literal["more", "same"] = "more"
    """With more raters: more items too (raters per item as in the study), or the study's own items."""
    dimensions: list[str] = Field(default_factory=list)
    """Dimensions whose fits give thresholds and standard deviations (empty: all)."""
    target: float = Field(default=0.8, gt=0.0, lt=1.0)
    """Power that is wanted."""
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    """Two-sided level of each test."""
    n_sim: int = Field(default=100, ge=1)
    """Method ``simulation``: studies per number of raters and change in odds."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.participants or min(self.participants) < 10:
            raise ValueError("participants: give numbers of raters from 10 up")
        if not self.percent_changes or any(v <= -100.0 or v == 0.0 for v in self.percent_changes):
            raise ValueError("percent_changes: give changes above -100 that are not 0")
        if self.target <= self.alpha:
            raise ValueError(f"target: a power of {self.target} is no more than alpha ({self.alpha})")
        return self


class StudyConfig(Section):
    """One study: what is read or simulated, what is analysed, and how."""

    study: str
    """Name of the study; results go to ``results/<study>/``."""
    title: str = ""
    """Title of the report (default: the study's name)."""
    description: str = ""
    """One or two sentences for readers."""
    results: str = "results"
    """Folder of all results, relative to the working directory."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Seed of everything random in the study."""
    data: DataConfig = DataConfig()
    simulation: SimulationConfig = SimulationConfig()
    dimensions: dict[str, DimensionConfig]
    factors: dict[str, FactorConfig]
    privacy: PrivacyConfig = PrivacyConfig()
    agreement: AgreementConfig = AgreementConfig()
    power: PowerConfig = PowerConfig()

    @model_validator(mode="before")
    @classmethod
    def _fill_instrument(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        data = raw.get("data")
        adapter = data.get("adapter", "simulation") if isinstance(data, dict) else "simulation"
        if adapter in OWN_INSTRUMENT:
            raw = dict(raw)
            raw.setdefault("dimensions", instrument.dimensions())
            raw.setdefault("factors", instrument.factors())
        for kind in ("dimensions", "factors"):
            if isinstance(raw.get(kind), dict):  # "gender:" with nothing behind it asks for the defaults
                raw = raw | {kind: {name: {} if section is None else section for name, section in raw[kind].items()}}
        return raw

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not _NAME.match(self.study):
            raise ValueError(f"study: '{self.study}' cannot name a folder; use small letters, digits, '-' and '_'")
        if not self.dimensions:
            raise ValueError("dimensions: name at least one")
        for kind, names in (("dimensions", self.dimensions), ("factors", self.factors)):
            for name in names:
                if not _COLUMN.match(name):
                    raise ValueError(f"{kind}: '{name}' cannot name a column; use letters, digits and '_'")
                if kind == "factors" and name in RESERVED:
                    raise ValueError(f"factors: '{name}' is a column of the tables already; name the factor otherwise")
        mapped = self.data.columns
        for where, given, known in (
            ("ratings", mapped.ratings, self.dimensions),
            ("factors", mapped.factors, self.factors),
        ):
            for name in given:
                if name not in known:
                    kind = "dimension" if where == "ratings" else "factor"
                    raise ValueError(f"data.columns.{where}: '{name}' is no {kind} of the study.{nearest(name, known)}")
        for name in self.power.dimensions:
            if name not in self.dimensions:
                raise ValueError(f"power.dimensions: unknown dimension '{name}'.{nearest(name, self.dimensions)}")
        if not self.privacy.enabled and not self.simulated:
            raise ValueError("privacy.enabled: only a simulated study may switch suppression off")
        if self.data.adapter != "simulation" and self.data.path is None:
            raise ValueError(f"data.path: adapter '{self.data.adapter}' needs a file or folder (--set data.path=...)")
        return self

    @property
    def simulated(self) -> bool:
        """Whether the ratings come from the simulation: every finding and figure then says so."""
        return self.data.adapter == "simulation"

    def section(self, *names: str) -> dict[str, Any]:
        """Return the named top-level sections as plain data, for hashing."""
        return {name: self.model_dump(mode="json")[name] for name in names}
