"""The pydantic model of a study config; every key is documented in ``configs/README.md``."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from plural_core.errors import nearest
from plural_core.study import instrument
from plural_core.study.base import Section
from plural_core.study.conditions_config import BASE, ConditionConfig, ExperimentConfig, PromptsConfig
from plural_core.study.evaluation_config import EvaluationConfig, JudgeConfig
from plural_core.study.measures_config import DimensionConfig, FactorConfig
from plural_core.study.models_config import TINY_FAMILIES, ModelsConfig
from plural_core.study.pooling_config import PoolingConfig
from plural_core.study.simulation_config import SimulationConfig
from plural_core.study.training_config import TrainingConfig
from plural_core.study.tuning_check import check_tuning

AdapterName = Literal["simulation", "table", "aligniverse", "popquorn", "sbic", "dices", "prism"]
OWN_INSTRUMENT = ("simulation", "aligniverse")
STANDARD_FACTORS = ("country", "gender", "age_band", "political", "ethnicity")
RESERVED = ("participant_id", "item_id", "dimension", "rating", "position", "passed_attention")
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*$")
_COLUMN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


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
    prompts: PromptsConfig = PromptsConfig()
    conditions: dict[str, ConditionConfig] = Field(default_factory=dict)
    """What models are tuned on, by name; experiments choose among them."""
    experiments: dict[str, ExperimentConfig] = Field(default_factory=dict)
    """Questions put to tuned models, by name."""
    models: ModelsConfig = ModelsConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    judges: dict[str, JudgeConfig] = Field(default_factory=dict)
    """Who scores answers, by name, the one that findings quote first (default: lexicon, or else ratings_model)."""
    pooling: PoolingConfig = PoolingConfig()

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
        if not raw.get("judges"):
            judge = "lexicon" if adapter == "simulation" else "ratings_model"
            raw = raw | {"judges": {judge: {"kind": judge}}}
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
        check_tuning(self)
        return self

    @property
    def simulated(self) -> bool:
        """Whether the ratings come from the simulation: every finding and figure then says so."""
        return self.data.adapter == "simulation"

    @property
    def illustrative(self) -> bool:
        """Whether tiny models are tuned on real ratings: that shows how the method runs and is no evidence."""
        return not self.simulated and any(name in TINY_FAMILIES for name in self.models.families)

    @property
    def tuned_conditions(self) -> list[str]:
        """Conditions that some experiment wants, each once, in the order of the experiments."""
        return list(dict.fromkeys(name for e in self.experiments.values() for name in e.conditions))

    @property
    def condition_labels(self) -> dict[str, str]:
        """Name shown to readers of every condition, and of the base model."""
        return {BASE: "base model", **{name: c.label or name.replace("_", " ") for name, c in self.conditions.items()}}

    @property
    def scored_dimensions(self) -> list[str]:
        """Dimensions that judges score, in the config's order."""
        wanted = self.evaluation.dimensions or [
            d for name in self.tuned_conditions for d in self.conditions[name].dimensions
        ]
        return [name for name in self.dimensions if name in wanted]

    def section(self, *names: str) -> dict[str, Any]:
        """Return the named top-level sections as plain data, for hashing."""
        return {name: self.model_dump(mode="json")[name] for name in names}
