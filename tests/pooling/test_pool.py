"""Pooled table: every estimator and test, Holm over the primary contrasts, gaps named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from plural_core.pooling.equivalence import equivalence_table
from plural_core.pooling.gaps import missing_lines
from plural_core.pooling.left_out import leave_one_out_table
from plural_core.pooling.pool import KEY, pooled_table, primary_tests
from plural_core.pooling.replicates import with_raters
from plural_core.ratings.schemas import check_table
from plural_core.study import StudyConfig
from plural_core.study.contrasts import study_contrasts
from plural_core.synthesis import holm, random_effects


@pytest.fixture(scope="module")
def pooled(effects: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    return pooled_table(effects, config)


def test_the_table_is_the_table(pooled: pd.DataFrame) -> None:
    checked = check_table(pooled, "pooled")
    assert set(zip(checked["method"], checked["test"], strict=True)) == {
        (m, t) for m in ("DL", "PM", "REML") for t in ("z", "knha")
    }


def test_a_row_is_the_package_s_own_pooling(pooled: pd.DataFrame, effects: pd.DataFrame) -> None:
    row = pooled[(pooled["contrast"] == "all - majority") & (pooled["method"] == "REML") & (pooled["test"] == "knha")]
    row = row[row["dimension"] == "toxicity"].iloc[0]
    part = effects[(effects["contrast"] == "all - majority") & (effects["dimension"] == "toxicity")]
    expected = random_effects(part["estimate"], part["std_error"], method="REML", test="knha")
    assert row["estimate"] == pytest.approx(expected.estimate)
    assert row["ci_low"] == pytest.approx(expected.ci_low)
    assert row["k"] == 3


def test_holm_covers_the_primary_contrasts_of_an_experiment_on_their_own_dimension(
    pooled: pd.DataFrame, config: StudyConfig
) -> None:
    own = pooled[(pooled["experiment"] == "demographic") & (pooled["method"] == "DL") & (pooled["test"] == "z")]
    tested = own[own["p_holm"].notna()]
    primary = {(c, d) for e, c, d in primary_tests(config) if e == "demographic"}
    assert set(zip(tested["contrast"], tested["dimension"], strict=True)) == primary
    assert len(primary) == 3
    assert np.allclose(tested["p_holm"], holm(tested["p_value"].to_numpy()))


def test_families_without_scores_are_left_out_and_named(effects: pd.DataFrame, config: StudyConfig) -> None:
    gone = (effects["family"] == "llama") & (effects["contrast"] == "all - majority")
    part = effects[~gone & (effects["contrast"] != "female - male")]
    made = pooled_table(part, config)
    assert (made[made["contrast"] == "all - majority"]["k"] == 2).all()
    lines = missing_lines(part, config)
    assert any("all - majority: pooled without llama" in line for line in lines)
    assert any("female - male: no family has scores" in line for line in lines)


def test_one_family_alone_is_itself(effects: pd.DataFrame, config: StudyConfig) -> None:
    made = pooled_table(effects, config, ["llama"])
    assert (made["k"] == 1).all()
    own = effects[(effects["family"] == "llama")].set_index(KEY)["estimate"]
    assert np.allclose(made.set_index(KEY)["estimate"], own.loc[made.set_index(KEY).index])


def test_nothing_to_pool_is_an_empty_table(effects: pd.DataFrame, config: StudyConfig) -> None:
    made = pooled_table(effects.iloc[:0], config)
    assert made.empty
    assert list(made.columns)[:4] == KEY


def test_every_condition_is_set_against_the_base_once(config: StudyConfig) -> None:
    contrasts = study_contrasts(config, "scale")
    against = [c.first for c in contrasts if c.second == "base"]
    assert sorted(against) == sorted(config.experiments["scale"].conditions)
    assert {c.name for c in contrasts if c.dimension is None} == {
        "toxicity_steps - base",
        "three_points_steps - base",
        "binary_steps - base",
    }


def test_leave_one_out_leaves_each_family_out(effects: pd.DataFrame, config: StudyConfig) -> None:
    made = check_table(leave_one_out_table(effects, config), "leave_one_out")
    part = made[(made["contrast"] == "all - majority") & (made["dimension"] == "toxicity")]
    assert sorted(part["left_out"]) == sorted(config.models.families)
    assert (part["k"] == 2).all()


def test_equivalence_looks_at_the_other_dimension(pooled: pd.DataFrame, config: StudyConfig) -> None:
    made = check_table(equivalence_table(pooled, config), "equivalence")
    part = made[made["contrast"] == "female - male"]
    assert part["dimension"].tolist() == ["emotional_awareness"]
    row = part.iloc[0]
    inside = row["ci_low"] > -row["margin"] and row["ci_high"] < row["margin"]
    assert row["equivalent"] == inside


def test_raters_add_the_variance_between_replicates(pooled: pd.DataFrame, config: StudyConfig) -> None:
    own = pooled[(pooled["method"] == "DL") & (pooled["test"] == "z")]
    shifts = [-0.02, 0.0, 0.01, 0.03]
    made = with_raters(own, [own.assign(estimate=own["estimate"] + s) for s in shifts], 0.95)
    check_table(made, "pooled_raters")
    assert np.allclose(made["variance_raters"], np.var(shifts, ddof=1))
    assert np.allclose(made["std_error"] ** 2, made["variance_models"] + made["variance_raters"])
    assert (made["df"] == 3).all()
    assert with_raters(own, [own], 0.95).empty
