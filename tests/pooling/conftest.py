"""A study's effects as the evaluation leaves them, made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.study import StudyConfig, load_study
from plural_core.study.contrasts import study_contrasts


@pytest.fixture(scope="session")
def config(root: Path) -> StudyConfig:
    return load_study(root / "configs" / "demo.yaml", ["pooling.bootstrap=200"]).config


@pytest.fixture(scope="session")
def runs(config: StudyConfig) -> pd.DataFrame:
    rows = [
        (f"{family}-{condition}-s1", family, condition, 1, 0, "done")
        for family in config.models.families
        for condition in ["base", *config.tuned_conditions]
    ]
    return pd.DataFrame(rows, columns=["run_id", "family", "condition", "seed", "replicate", "status"])


@pytest.fixture(scope="session")
def scores(config: StudyConfig, runs: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    prompts = [f"p{n:03d}" for n in range(60)]
    easy = rng.normal(0, 0.1, size=len(prompts))
    frames = []
    for number, run in enumerate(runs.to_dict("records")):
        level = 0.5 if run["condition"] == "base" else 0.3 + 0.01 * (number % 7)
        values = np.clip(level + easy + rng.normal(0, 0.05, size=len(prompts)), 0, 1)
        for dimension in config.scored_dimensions:
            frames.append(
                pd.DataFrame(
                    {
                        "run_id": run["run_id"],
                        "prompt_id": prompts,
                        "dimension": dimension,
                        "judge": "lexicon",
                        "score": values,
                        "reason": "",
                        "judge_version": "1",
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def effects(config: StudyConfig, scores: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    joined = scores.merge(runs, on="run_id")
    wide = joined.pivot(index=["dimension", "family", "prompt_id"], columns="condition", values="score")
    rows = []
    for experiment in config.experiments:
        for contrast in study_contrasts(config, experiment):
            for (dimension, family), part in (wide[contrast.first] - wide[contrast.second]).groupby(
                level=["dimension", "family"]
            ):
                rows.append(
                    {
                        "experiment": experiment,
                        "contrast": contrast.name,
                        "dimension": dimension,
                        "judge": "lexicon",
                        "family": family,
                        "estimate": part.mean(),
                        "std_error": part.std(ddof=1) / np.sqrt(len(part)),
                        "n_prompts": len(part),
                        "n_unscorable": 0,
                        "bound_low": part.mean(),
                        "bound_high": part.mean(),
                    }
                )
    return pd.DataFrame(rows)
