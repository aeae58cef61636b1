"""Runs of a family: what is done is not done again, what fails is recorded, the others go on."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from plural_core.evaluation.prompts import test_prompts as prompts_of_the_test
from plural_core.study import Study
from plural_core.training.base import ensure_base
from plural_core.training.plan import RunSpec
from plural_core.training.record import read_record, records_frame, run_folder
from plural_core.training.run import answers_of, run_all
from plural_core.training.trained import TrainingError
from plural_core.training.work import FamilyWork
from plural_core.workflow.again import failed_runs, forget_unfinished, what_is_left
from plural_core.workflow.build import ensure_tables
from tests.tiny_models import make_tiny_study

SETTINGS = [
    "conditions.never={dimensions: [toxicity], size: 100000}",
    "conditions.wrong={algorithm: grpo, dimensions: [toxicity], budget: {tokens_of: grpo_both}}",
    "conditions.short={dimensions: [toxicity], budget: {steps: 1}}",
    "experiments.scale.conditions=[short, never, wrong]",
    "experiments.scale.contrasts={}",
]
RUNS = [RunSpec("llama", name) for name in ("base", "never", "wrong", "short")]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The tiny study with a condition without data, one that cannot be trained, and one that takes one update."""
    made = make_tiny_study(tmp_path_factory.mktemp("runs"), *SETTINGS)
    ensure_tables(made)
    return made


@pytest.fixture(scope="module")
def work(study: Study) -> FamilyWork:
    return FamilyWork.open(study, ensure_tables(study), "llama", ensure_base)


@pytest.fixture(scope="module")
def said(work: FamilyWork) -> list[str]:
    lines: list[str] = []
    run_all(work, RUNS, lines.append)
    return lines


def test_one_line_each_and_the_others_go_on(said: list[str], study: Study) -> None:
    status = {spec.condition: read_record(study, spec) for spec in RUNS}
    assert {name: record.status for name, record in status.items()} == {
        "base": "done",
        "never": "skipped",
        "wrong": "failed",
        "short": "done",
    }
    assert "100000 comparisons are asked for" in status["never"].message
    assert "name a DPO condition" in status["wrong"].message
    assert len(said) == 4
    assert all("\n" not in line for line in said)


def test_a_run_leaves_an_adapter_its_metrics_and_its_answers(said: list[str], study: Study, work: FamilyWork) -> None:
    folder = run_folder(study, RUNS[3])
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()
    assert not (folder / "checkpoints").exists()
    assert len((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    record = read_record(study, RUNS[3])
    assert record.steps == 1
    assert record.tokens and record.seconds
    answers = pd.read_parquet(folder / "generations.parquet")
    wanted = prompts_of_the_test(work.preferences(0).prompts, study.config)
    assert sorted(answers["prompt_id"]) == sorted(wanted["prompt_id"])


def test_what_is_done_is_not_done_again(said: list[str], study: Study, work: FamilyWork) -> None:
    folder = run_folder(study, RUNS[3])
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    lines: list[str] = []
    run_all(work, [RUNS[0], RUNS[3]], lines.append)
    assert all("(as before)" in line for line in lines)
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} == before


def test_other_answers_do_not_train_again(said: list[str], study: Study, work: FamilyWork) -> None:
    settings = study.config.evaluation.model_copy(update={"max_new_tokens": 7})
    config = study.config.model_copy(update={"evaluation": settings})
    other = FamilyWork(Study(config, study.source, study.root), work.tables, work.base, work.loaded)
    folder = run_folder(study, RUNS[3])
    weights = (folder / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns
    run_all(other, [RUNS[3]], lambda line: None)
    assert pd.read_parquet(folder / "generations.parquet")["n_tokens"].max() <= 7
    assert (folder / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns == weights
    run_all(work, [RUNS[3]], lambda line: None)


def test_a_damaged_record_is_a_missing_run(said: list[str], study: Study) -> None:
    path = run_folder(study, RUNS[0]) / "run.json"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:20], encoding="utf-8")
    assert read_record(study, RUNS[0]).status == "missing"
    path.write_text(json.dumps({"run_id": "x"}), encoding="utf-8")
    assert read_record(study, RUNS[0]).status == "missing"
    path.write_text(whole, encoding="utf-8")


def test_tables_of_runs_and_answers(said: list[str], study: Study) -> None:
    records = [read_record(study, spec) for spec in RUNS]
    frame = records_frame(study, records)
    assert frame["status"].tolist() == ["done", "skipped", "failed", "done"]
    assert set(answers_of(study, records)["run_id"]) == {RUNS[0].run_id, RUNS[3].run_id}


def test_the_next_run_tries_again_what_failed_and_only_that(said: list[str], study: Study) -> None:
    assert [record.condition for record in failed_runs(study)] == ["wrong"]
    assert any("llama-wrong-s1 failed" in line for line in what_is_left(study))
    notebooks = study.report / "notebooks"
    notebooks.mkdir(parents=True)
    for job in (0, 1):
        (notebooks / f"09_finetune-llama-{job}.ipynb").touch()
    (notebooks / "10_evaluate.ipynb").touch()
    forget_unfinished(study)
    left = {p.stem for p in notebooks.iterdir()}
    assert len([name for name in left if name.startswith("09")]) == 1
    assert "10_evaluate" not in left  # it waits for what is done again


def test_without_texts_there_is_one_line(tmp_path: Path, study: Study) -> None:
    bare = ensure_tables(study)
    empty = type(bare)(bare.ratings, bare.items.assign(response=None), bare.participants)
    with pytest.raises(TrainingError, match="the items have no texts"):
        FamilyWork.open(study, empty, "llama", ensure_base)
