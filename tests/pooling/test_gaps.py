"""What could not be pooled is said in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from plural_core.pooling.gaps import missing_lines
from plural_core.study import StudyConfig


def test_with_every_score_nothing_is_said(effects: pd.DataFrame, config: StudyConfig) -> None:
    assert missing_lines(effects, config) == []


def test_an_experiment_with_no_finished_condition_has_a_line_for_each_contrast(
    effects: pd.DataFrame, config: StudyConfig
) -> None:
    lines = missing_lines(effects[effects["experiment"] != "scale"], config)
    assert lines == [
        f"scale, {name}: no family has scores of both conditions, so nothing is pooled."
        for name in config.experiments["scale"].contrasts
    ]


def test_an_effect_without_a_value_is_missing(effects: pd.DataFrame, config: StudyConfig) -> None:
    gone = (effects["family"] == "phi3") & (effects["contrast"] == "female - male")
    lines = missing_lines(effects.assign(estimate=effects["estimate"].mask(gone, np.nan)), config)
    assert lines == ["demographic, female - male: pooled without phi3, which have no scores of it."]


def test_prompts_without_scores_are_counted_where_they_are_most(effects: pd.DataFrame, config: StudyConfig) -> None:
    few = (effects["family"] == "llama") & (effects["contrast"] == "female - male")
    fewer = effects.assign(
        n_prompts=effects["n_prompts"].mask(few, 51), n_unscorable=effects["n_unscorable"].mask(few, 4)
    )
    assert missing_lines(fewer, config) == [
        "demographic, prompts without a score on both sides are left out; fewest are left: llama on 51 of 60 prompts "
        "(female - male)."
    ]


def test_of_two_judges_the_one_without_scores_is_named(effects: pd.DataFrame, config: StudyConfig) -> None:
    lexicon = config.judges["lexicon"]
    two = config.model_copy(update={"judges": {"lexicon": lexicon, "second": lexicon}})
    lines = missing_lines(effects, two)
    assert lines
    assert all("(judge second): no family has scores" in line for line in lines)
    only_awareness = lexicon.model_copy(update={"dimensions": ["emotional_awareness"]})
    excused = config.model_copy(update={"judges": {"lexicon": lexicon, "second": only_awareness}})
    assert 0 < len(missing_lines(effects, excused)) < len(lines)
