"""Runs of one family in one process: tune what is not tuned yet, answer what is not answered yet, keep a record.

What stops one run stops only that run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from plural_core.errors import PluralError
from plural_core.evaluation.prompts import test_prompts
from plural_core.io import read_table, write_table
from plural_core.preferences.build import PreferenceSet
from plural_core.preferences.condition import Condition
from plural_core.study import Study
from plural_core.study.conditions_config import BASE
from plural_core.training.base import hash_of
from plural_core.training.plan import RunSpec
from plural_core.training.record import DONE, FAILED, SKIPPED, RunRecord, read_record, run_folder, write_record
from plural_core.training.trained import Trained, TrainingError
from plural_core.training.work import FamilyWork

RECIPE = 1
"""Number of the tuning code: raised whenever the same data and settings would give another adapter."""
_LOG = logging.getLogger(__name__)


def run_all(work: FamilyWork, runs: Iterable[RunSpec], say: Callable[[str], None] = print) -> list[RunRecord]:
    """Carry out runs one after the other; return their records.

    A run that is done already, by the same data and settings, is not done again; only its missing answers are. One
    that fails is recorded with its one-line reason, and the others go on.
    """
    records = []
    for spec in runs:
        started = time.monotonic()
        before = read_record(work.study, spec)
        try:
            record = _carry_out(work, spec, before)
        except KeyError as reason:
            record = RunRecord.of(spec, SKIPPED, str(reason.args[0]))
        except PluralError as error:
            record = RunRecord.of(spec, FAILED, str(error))
        except Exception as error:
            _LOG.exception("run %s", spec.run_id)
            record = RunRecord.of(spec, FAILED, f"{type(error).__name__}: {error} (see the step's log)")
        if record != before:
            write_record(work.study, record)
        took = time.monotonic() - started
        again = " (as before)" if record == before and record.status == DONE else f" in {took:.1f} s"
        say(f"{spec.run_id}: {record.status}{again}{': ' + record.message if record.message else ''}")
        records.append(record)
    return records


def _carry_out(work: FamilyWork, spec: RunSpec, before: RunRecord) -> RunRecord:
    if spec.condition == BASE:
        record = replace(RunRecord.of(spec, DONE), seconds=0.0, tokens=0, steps=0, fingerprint=work.loaded.fingerprint)
        return _answer(work, spec, record, before, None)
    made = work.set_of(spec)
    mark = _fingerprint(work, spec, made)
    adapter = run_folder(work.study, spec) / "adapter"
    if before.status == DONE and before.fingerprint == mark and (adapter / "adapter_model.safetensors").is_file():
        return _answer(work, spec, before, before, adapter)
    trained = _tune(work, spec, made)
    record = replace(
        RunRecord.of(spec, DONE),
        seconds=trained.seconds,
        tokens=trained.tokens,
        steps=trained.steps,
        fingerprint=mark,
    )
    # Written before the answers: where they fail, the adapter is found by the next run.
    write_record(work.study, record)
    return _answer(work, spec, record, before, trained.adapter)


def _tune(work: FamilyWork, spec: RunSpec, made: PreferenceSet) -> Trained:
    config, condition = work.study.config, made.condition
    texts = work.preferences(spec.replicate).texts
    folder = run_folder(work.study, spec)
    if condition.algorithm == "dpo":
        from plural_core.training.dpo import train_dpo

        return train_dpo(
            work.loaded,
            made.pairs,
            texts,
            work.reference(),
            config.training,
            condition.budget,
            spec.seed,
            folder,
            counterparts=work.counterparts() if condition.pairing == "anchored" else None,
            max_tokens=_tokens_of(work, spec, condition),
        )
    from plural_core.training.grpo import train_grpo

    return train_grpo(
        work.loaded,
        made.labels,
        texts,
        work.preferences(spec.replicate).prompts,
        config.training,
        condition.budget,
        spec.seed,
        folder,
        max_tokens=_tokens_of(work, spec, condition),
    )


def _tokens_of(work: FamilyWork, spec: RunSpec, condition: Condition) -> int | None:
    """Return the tokens that another condition is trained on, from its plan: nothing need be trained for it."""
    from plural_core.training.batches import plan_updates
    from plural_core.training.groups import pair_set

    if condition.budget.like is None:
        return None
    other = work.set_of(replace(spec, condition=condition.budget.like))
    if other.condition.algorithm != "dpo" or other.condition.budget.kind == "tokens":
        raise TrainingError(
            f"condition '{condition.name}': budget.tokens_of names '{other.condition.name}', whose tokens are not "
            "known beforehand; name a DPO condition with passes or steps"
        )
    whole = pair_set(
        other.pairs,
        work.preferences(spec.replicate).texts,
        work.reference().encoded,
        work.counterparts() if other.condition.pairing == "anchored" else None,
    )
    plan = plan_updates(whole, other.condition.budget, work.study.config.training.dpo.batch, spec.seed, None)
    return int(plan.tokens[-1])


def _answer(work: FamilyWork, spec: RunSpec, record: RunRecord, before: RunRecord, adapter: Path | None) -> RunRecord:
    """Answer the test prompts where this adapter has not answered them yet."""
    from plural_core.evaluation.generate import generate

    settings = work.study.config.evaluation
    prompts = test_prompts(work.preferences(0).prompts, work.study.config)
    mark = hash_of(
        {
            "adapter": record.fingerprint,
            "max_new_tokens": settings.max_new_tokens,
            "prompts": prompts[["prompt_id", "prompt"]].to_dict("list"),
        }
    )
    path = run_folder(work.study, spec) / "generations.parquet"
    if before.answers == mark and before.fingerprint == record.fingerprint and path.is_file():
        return replace(record, answers=mark)
    answers = generate(
        work.loaded, prompts, max_new_tokens=settings.max_new_tokens, batch=settings.batch, adapter=adapter
    )
    answers.insert(0, "run_id", spec.run_id)
    write_table(answers, path)
    return replace(record, answers=mark)


def _fingerprint(work: FamilyWork, spec: RunSpec, made: PreferenceSet) -> str:
    """Return a hash of everything that makes the adapter."""
    config, condition = work.study.config, made.condition
    texts = work.preferences(spec.replicate).texts
    own = texts[texts["prompt_id"].isin(made.labels["prompt_id"])]
    parts: dict[str, Any] = {
        "recipe": RECIPE,
        "base": work.loaded.fingerprint,
        "texts": own[["item_id", "prompt", "response"]].to_dict("list"),
        "lora": config.training.lora.model_dump(mode="json"),
        "max_length": config.training.max_length,
        "budget": [str(condition.budget), _tokens_of(work, spec, condition)],
        "seed": spec.seed,
        "algorithm": condition.algorithm,
    }
    if condition.algorithm == "dpo":
        parts["settings"] = config.training.dpo.model_dump(mode="json", exclude={"micro_batch"})
        columns = ["prompt_id", "chosen_item", "rejected_item", "weight", "share"]
        parts["pairs"] = made.pairs[columns].to_dict("list")
        if condition.pairing == "anchored":
            parts["counterparts"] = work.counterparts()
    else:
        parts["settings"] = config.training.grpo.model_dump(mode="json")
        parts["labels"] = made.labels.drop(columns="condition").to_dict("list")
    return hash_of(parts)


def answers_of(study: Study, records: Iterable[RunRecord]) -> pd.DataFrame:
    """Return table ``generations``: the answers of all finished runs."""
    frames = [
        read_table(study.runs / record.run_id / "generations.parquet") for record in records if record.status == DONE
    ]
    columns = ["run_id", "prompt_id", "text", "n_tokens", "finish_reason"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
