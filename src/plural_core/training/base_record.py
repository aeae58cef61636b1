"""What is known of a base model, kept beside it in ``base.json``, and the table of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from plural_core.io import attempt, read_json
from plural_core.study import Study
from plural_core.training.acceptance import Acceptance

RECORD = "base.json"


@dataclass(frozen=True)
class BaseModel:
    """A base model that is ready to be loaded.

    Parameters
    ----------
    family : str
        Its name in the study.
    label : str
        Its name for readers.
    source : str
        ``trained here``, or the model id or folder that it comes from.
    fingerprint : str
        Hash of everything that made it: whatever is computed from it depends on this.
    parameters : int
        Number of parameters.
    seconds, cpu_seconds : float or None
        Training time by the clock, and of all threads together; None where it was not trained here.
    steps, n_texts : int or None
        Updates, and texts that it was trained on.
    loss : float or None
        Mean loss per response token at the end of training, in nats.
    attempts : int or None
        Trainings, each with a seed of its own, until it was accepted.
    acceptance : Acceptance or None
        How it answers, where the study is simulated and the model was trained here.
    """

    family: str
    label: str
    source: str
    fingerprint: str
    parameters: int
    seconds: float | None = None
    cpu_seconds: float | None = None
    steps: int | None = None
    n_texts: int | None = None
    loss: float | None = None
    attempts: int | None = None
    acceptance: Acceptance | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return its row of table ``base_models``."""
        found = self.acceptance
        row = {
            "family": self.family,
            "label": self.label,
            "source": self.source,
            "parameters": self.parameters,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "steps": self.steps,
            "n_texts": self.n_texts,
            "loss": self.loss,
            "attempts": self.attempts,
            "n_prompts": found.n_prompts if found else 0,
            "valid_share": found.valid if found else None,
            "distinct_share": found.distinct if found else None,
            "toxicity_mean": found.mean if found else None,
            "toxicity_sd": found.sd if found else None,
            "fingerprint": self.fingerprint,
        }
        numbers = ("seconds", "cpu_seconds", "loss", "valid_share", "distinct_share", "toxicity_mean", "toxicity_sd")
        return pd.DataFrame([row]).astype(
            {**dict.fromkeys(("steps", "n_texts", "attempts"), "Int64"), **dict.fromkeys(numbers, float)}
        )


def base_models_frame(models: Iterable[BaseModel]) -> pd.DataFrame:
    """Return table ``base_models``, sorted by family."""
    frames = [model.to_frame() for model in models]
    if not frames:
        return BaseModel("", "", "", "", 0).to_frame().iloc[:0]
    return pd.concat(frames).sort_values("family", ignore_index=True)


def study_base_models(study: Study) -> pd.DataFrame:
    """Return table ``base_models`` of the families that `ensure_base` has seen to; none is trained or loaded."""
    found = [read_base(base_folder(study, family)) for family in study.config.models.families]
    return base_models_frame(made for made in found if made is not None)


def base_folder(study: Study, family: str) -> Path:
    """Return the folder of a base model's record, and of the model itself where it is trained here."""
    return study.models / family / "base"


def read_base(folder: Path) -> BaseModel | None:
    """Return the base model in a folder, None where there is none or its record is damaged."""
    raw = attempt(read_json, folder / RECORD)
    try:
        accepted = raw["acceptance"]
        return BaseModel(
            **{name: raw[name] for name in BaseModel.__dataclass_fields__ if name != "acceptance"},
            acceptance=None if accepted is None else Acceptance(**{k: _number(v) for k, v in accepted.items()}),
        )
    except (TypeError, KeyError):
        return None


def plain_record(made: BaseModel) -> dict[str, Any]:
    """Return what ``base.json`` holds: plain data, without NaN, which JSON does not know."""
    raw = asdict(made)
    if raw["acceptance"]:
        raw["acceptance"] = {k: None if v != v else v for k, v in raw["acceptance"].items()}
    return raw


def _number(value: Any) -> Any:
    return math.nan if value is None else value
