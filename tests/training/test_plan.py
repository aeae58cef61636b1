"""Runs and jobs: every run once, in as many jobs as the workflow expects."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from plural_core.study import load_study
from plural_core.training.plan import RunSpec, job_runs, n_jobs, planned_runs


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["training.conditions_per_job=1"],
        ["training.conditions_per_job=3", "training.seeds=[1,2]"],
        ["pooling.replicates=2"],
    ],
)
def test_every_run_is_in_one_job(root: Path, settings: list[str]) -> None:
    config = load_study(root / "configs" / "tiny.yaml", settings).config
    runs = planned_runs(config, "llama")
    jobs = [job_runs(config, "llama", job) for job in range(n_jobs(config))]
    assert sorted(chain(*jobs), key=runs.index) == runs
    assert len({run.run_id for run in runs}) == len(runs)
    assert max(map(len, jobs)) <= config.training.conditions_per_job
    n = len(config.tuned_conditions) * len(config.training.seeds) * (1 + config.pooling.replicates)
    assert len(runs) == 1 + n  # the base model once


def test_names_of_runs() -> None:
    assert RunSpec("llama", "majority", 3).run_id == "llama-majority-s3"
    assert RunSpec("llama", "majority", 3, 2).run_id == "llama-majority-s3-r2"


def test_a_condition_that_two_experiments_want_is_trained_once(root: Path) -> None:
    config = load_study(root / "configs" / "demo.yaml").config
    wanted = [name for e in config.experiments.values() for name in e.conditions]
    assert wanted.count("toxicity") == 3
    assert [run.condition for run in planned_runs(config, "llama")].count("toxicity") == 1
