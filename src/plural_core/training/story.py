"""What the notebooks of base models and fine-tunes show: rows for their tables and figures, and their findings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from plural_core.study import Study, StudyConfig
from plural_core.training.base import BaseModel
from plural_core.training.callbacks import read_metrics
from plural_core.training.chat import ChatFormat
from plural_core.training.record import DONE, RunRecord


def base_rows(made: BaseModel) -> pd.DataFrame:
    """Return what there is to say of a base model, one property per row."""
    rows: list[tuple[str, str]] = [
        ("model", made.label),
        ("source", made.source),
        ("parameters", f"{made.parameters:,}"),
    ]
    if made.seconds is not None:
        rows.append(("trained in", f"{made.seconds:.0f} s, {made.steps:,} updates, {made.n_texts:,} texts"))
    if made.loss is not None:
        rows.append(("loss per token", f"{made.loss:.3f}"))
    found = made.acceptance
    if found is not None:
        rows += [
            ("acceptance prompts", f"{found.n_prompts:,}"),
            ("answers of two to four known phrases", f"{found.valid:.1%}"),
            ("distinct answers", f"{found.distinct:.1%}"),
            ("mean toxicity (SD)", f"{found.mean:.3f} ({found.sd:.3f})"),
        ]
    return pd.DataFrame(rows, columns=["property", "value"])


def base_finding(made: BaseModel, config: StudyConfig) -> dict[str, Any]:
    """Return the finding of a base model: how it answers before any tuning."""
    found = made.acceptance
    if found is None:
        return {
            "id": f"base_{made.family}",
            "sentence": f"{made.label}: {made.parameters:,} parameters, {made.source}.",
            "value": float(made.parameters),
        }
    tone = f"; their mean toxicity is {found.mean:.2f}" if found.mean == found.mean else ""
    return {
        "id": f"base_{made.family}",
        "sentence": f"{made.label}, {made.parameters:,} parameters: before tuning, {found.valid:.1%} of its answers "
        f"to {found.n_prompts:,} unseen prompts are whole sentences of its world{tone}.",
        "value": found.mean,
        "n": found.n_prompts,
    }


def answer_rows(answers: pd.DataFrame, prompts: pd.DataFrame) -> pd.DataFrame:
    """Return prompts with answers."""
    joined = answers.merge(prompts[["prompt_id", "prompt"]], on="prompt_id")
    return joined[["prompt", "text"]].rename(columns={"text": "answer"})


def hyperparameter_rows(config: StudyConfig) -> pd.DataFrame:
    """Return every hyper-parameter of training with its value and its reason."""
    training = config.training
    rows = []
    for section, values in (("lora", training.lora), ("dpo", training.dpo), ("grpo", training.grpo)):
        for name, field in type(values).model_fields.items():
            value = getattr(values, name)
            rows.append((section, name, _plain(value), " ".join((field.description or "").split())))
    return pd.DataFrame(rows, columns=["for", "name", "value", "why"])


def run_rows(records: Iterable[RunRecord], config: StudyConfig) -> pd.DataFrame:
    """Return what came of runs, in readers' words."""
    labels = config.condition_labels
    rows = [
        {
            "condition": labels.get(r.condition, r.condition),
            "seed": r.seed,
            "replicate": r.replicate,
            "outcome": r.status,
            "updates": r.steps,
            "tokens": r.tokens,
            "seconds": r.seconds,
            "note": r.message,
        }
        for r in records
    ]
    frame = pd.DataFrame(rows)
    if frame.empty or (frame["replicate"] == 0).all():
        frame = frame.drop(columns="replicate", errors="ignore")
    return frame


def metric_rows(study: Study, records: Iterable[RunRecord], config: StudyConfig) -> pd.DataFrame:
    """Return the training metrics of finished runs: condition, step, metric, value."""
    labels = config.condition_labels
    frames = []
    for record in records:
        path = study.runs / record.run_id / "metrics.jsonl"
        if record.status != DONE or not record.steps or not path.is_file():
            continue
        wide = pd.DataFrame(read_metrics(path))
        if wide.empty or "step" not in wide.columns:
            continue
        name = labels.get(record.condition, record.condition)
        if record.replicate:
            name = f"{name}, draw {record.replicate}"
        frames.append(wide.assign(condition=name, run_id=record.run_id))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["condition", "run_id", "step"])


def truncation_note(chat: ChatFormat) -> str:
    """Return one sentence that says how many texts were too long for the model, empty where none was."""
    prompts, responses = len(chat.truncated.prompts), len(chat.truncated.responses)
    if not prompts and not responses:
        return ""
    return (
        f"{prompts:,} prompts lost their beginning and {responses:,} responses their end: they are longer than the "
        f"{chat.max_length:,} tokens that model and training.max_length allow."
    )


def _plain(value: Any) -> str:
    if value is None:
        return "automatic"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "all linear layers"
    return str(value)
