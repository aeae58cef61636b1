"""Prompts drawn jointly, and the ratios that follow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from plural_core.agreement.frames import table_of
from plural_core.pooling.dependence import joint_effects, prompt_rows, ratio_rows
from plural_core.pooling.matrix import score_matrix
from plural_core.pooling.pool import pooled_table
from plural_core.ratings.schemas import check_table
from plural_core.study import StudyConfig


def test_scores_as_an_array_average_seeds_within_a_prompt(config: StudyConfig) -> None:
    runs = pd.DataFrame(
        {
            "run_id": ["a1", "a2", "b"],
            "family": "llama",
            "condition": ["toxicity", "toxicity", "base"],
            "replicate": [0, 0, 0],
        }
    )
    scores = pd.DataFrame(
        {
            "run_id": ["a1", "a2", "b", "a1"],
            "prompt_id": ["p", "p", "p", "q"],
            "dimension": "toxicity",
            "judge": "lexicon",
            "score": [0.2, 0.4, 0.6, 0.5],
        }
    )
    matrix = score_matrix(scores, runs, "lexicon", "toxicity", ["llama", "qwen3"])
    assert matrix.families == ("llama",)
    difference = matrix.differences("toxicity", "base")
    assert difference[0, 0] == pytest.approx(-0.3)
    assert np.isnan(difference[0, 1])


def test_rows_of_the_tables(
    scores: pd.DataFrame, runs: pd.DataFrame, effects: pd.DataFrame, config: StudyConfig
) -> None:
    pooled = pooled_table(effects, config)
    matrix = score_matrix(scores, runs, "lexicon", "toxicity", config.models.families)
    joint = joint_effects(matrix, config, "disagreement_handling")
    prompts = table_of(prompt_rows(joint, pooled, ("toxicity", "lexicon"), 0.95), "pooled_prompts")
    check_table(prompts, "pooled_prompts")
    assert (prompts["n_prompts"] == 60).all()
    assert (prompts["std_error_both"] >= prompts["std_error"]).all()
    ratios = table_of(ratio_rows(joint, pooled, ("toxicity", "lexicon"), 0.95), "ratios")
    check_table(ratios, "ratios")
    row = ratios[ratios["contrast"] == "all - majority"].iloc[0]
    value = {
        name: pooled[
            (pooled["contrast"] == name)
            & (pooled["experiment"] == "disagreement_handling")
            & (pooled["dimension"] == "toxicity")
            & (pooled["method"] == "DL")
            & (pooled["test"] == "z")
        ]["estimate"].iloc[0]
        for name in ("all - base", "majority - base")
    }
    assert row["ratio"] == pytest.approx(value["all - base"] / value["majority - base"])
    assert row["ci_low"] < row["ratio"] < row["ci_high"]


def test_without_scores_there_are_no_rows(scores: pd.DataFrame, runs: pd.DataFrame, config: StudyConfig) -> None:
    matrix = score_matrix(scores.iloc[:0], runs, "lexicon", "toxicity", config.models.families)
    joint = joint_effects(matrix, config, "scale")
    assert joint.draws is None
    assert prompt_rows(joint, pd.DataFrame(), ("toxicity", "lexicon"), 0.95) == []
