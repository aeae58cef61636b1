"""The record of a run, ``runs/<run_id>/run.json``: what came of it, and what made it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from plural_core.io import attempt, read_json, write_json
from plural_core.study import Study
from plural_core.training.plan import RunSpec, planned_runs

DONE, SKIPPED, FAILED, MISSING = "done", "skipped", "failed", "missing"


@dataclass(frozen=True)
class RunRecord:
    """What came of a run.

    Parameters
    ----------
    run_id, family, condition : str
        Which run.
    seed, replicate : int
        Which run.
    status : {"done", "skipped", "failed", "missing"}
        ``skipped``: its condition gives no data; ``failed``: it is tried again by the next ``plural run``.
    seconds : float or None
        Training time without imports and loading.
    tokens, steps : int or None
        Tokens that went through the model, and updates.
    message : str
        Why it was skipped or failed.
    fingerprint : str
        Hash of everything that made the adapter.
    answers : str
        Hash of what made ``generations.parquet``: adapter, test prompts, settings.
    """

    run_id: str
    family: str
    condition: str
    seed: int
    replicate: int
    status: str
    seconds: float | None = None
    tokens: int | None = None
    steps: int | None = None
    message: str = ""
    fingerprint: str = ""
    answers: str = ""

    @classmethod
    def of(cls, spec: RunSpec, status: str, message: str = "") -> RunRecord:
        """Return a record without results."""
        return cls(
            spec.run_id, spec.family, spec.condition, spec.seed, spec.replicate, status, message=one_line(message)
        )


def one_line(message: str) -> str:
    """Return a message on one line."""
    return " ".join(message.split())


def run_folder(study: Study, spec: RunSpec) -> Path:
    """Return the folder of a run."""
    return study.runs / spec.run_id


def write_record(study: Study, record: RunRecord) -> None:
    """Write the record of a run, atomically."""
    write_json(asdict(record), study.runs / record.run_id / "run.json")


def read_record(study: Study, spec: RunSpec) -> RunRecord:
    """Return the record of a run; where there is none, or a damaged one, its status is ``missing``."""
    raw = attempt(read_json, run_folder(study, spec) / "run.json")
    try:
        return RunRecord(**raw)
    except TypeError:
        return RunRecord.of(spec, MISSING)


def study_records(study: Study) -> list[RunRecord]:
    """Return the record of every planned run, families and conditions in the config's order."""
    config = study.config
    return [read_record(study, spec) for family in config.models.families for spec in planned_runs(config, family)]


def records_frame(study: Study, records: list[RunRecord]) -> pd.DataFrame:
    """Return table ``runs``."""
    columns = ["run_id", "study", "family", "condition", "seed", "replicate", "status"]
    columns += ["seconds", "tokens", "steps", "message"]
    rows = [{"study": study.name, **asdict(record)} for record in records]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"tokens": "Int64", "steps": "Int64", "seconds": float})
