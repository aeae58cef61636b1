"""The published table beside ours: signs, intervals, significance, counts; what is missing is said."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from plural_core.pooling.pool import pooled_table
from plural_core.pooling.reproduction import reproduction_table
from plural_core.pooling.reproduction_story import experiment_sentences, reproduction_findings
from plural_core.published import read_published
from plural_core.ratings.schemas import check_table
from plural_core.study import StudyConfig


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return read_published()


def pooled_row(estimate: float, low: float, high: float, p: float, **other: Any) -> dict[str, Any]:
    row = {
        "experiment": "demographic",
        "contrast": "female - male",
        "dimension": "toxicity",
        "judge": "lexicon",
        "method": "DL",
        "test": "z",
        "estimate": estimate,
        "ci_low": low,
        "ci_high": high,
        "p_value": p,
        "k": 3,
    }
    return {**row, **other}


def one(published: pd.DataFrame, config: StudyConfig, id_: str, *rows: dict[str, Any]) -> pd.Series:
    table = reproduction_table(published, {"pooled": pd.DataFrame(list(rows))}, config)
    return table[table["id"] == id_].iloc[0]


def test_every_published_row_is_there_once_and_in_its_order(published: pd.DataFrame, config: StudyConfig) -> None:
    table = reproduction_table(published, {}, config)
    check_table(table, "reproduction")
    assert table["id"].tolist() == published["id"].tolist()
    assert table["ours"].isna().all()
    assert (table["note"] != "").all()  # each says why there is nothing
    assert table[["same_sign", "inside", "same_significance"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("ours", "same_sign", "inside", "significance"),
    [
        ((-0.030, -0.050, -0.010, 0.003), True, True, True),  # published: −0.035, p = .002
        ((0.011, 0.002, 0.021, 0.023), False, False, True),
        ((-0.010, -0.040, 0.020, 0.500), True, True, False),
    ],
)
def test_a_pooled_difference(
    published: pd.DataFrame,
    config: StudyConfig,
    ours: tuple[float, float, float, float],
    same_sign: bool,
    inside: bool,
    significance: bool,
) -> None:
    other_method = pooled_row(9.0, 8.0, 10.0, 0.9, method="REML")
    row = one(published, config, "exp1_female", other_method, pooled_row(*ours))
    assert row["ours"] == ours[0]
    assert (row["same_sign"], row["inside"], row["same_significance"]) == (same_sign, inside, significance)
    assert "3 families" in row["note"]


def test_a_difference_printed_the_wrong_way_round_is_turned(published: pd.DataFrame, config: StudyConfig) -> None:
    ours = pooled_row(-0.10, -0.12, -0.08, 0.0001, experiment="algorithm", contrast="DPO toxicity - DPO EA")
    row = one(published, config, "exp4_tox_vs_ea", ours)
    assert row["published"] == -0.097
    assert row["same_sign"]
    assert row["inside"]


def test_a_row_without_a_value_compares_significance_only(published: pd.DataFrame, config: StudyConfig) -> None:
    ours = pooled_row(-0.03, -0.04, -0.02, 0.001, experiment="scale", contrast="5 points - binary")
    row = one(published, config, "exp2_5_vs_binary", ours)
    assert math.isnan(row["published"])
    assert pd.isna(row["same_sign"])
    assert pd.isna(row["inside"])
    assert row["same_significance"]


def test_counts_are_compared_exactly(published: pd.DataFrame, config: StudyConfig) -> None:
    people = pd.DataFrame({"participant_id": range(1095)})
    items = pd.DataFrame({"item_id": range(1760)})
    ratings = pd.DataFrame(
        [(p, i, d) for p, i in ((1, 1), (2, 1), (3, 2)) for d in ("toxicity", "helpfulness")],
        columns=["participant_id", "item_id", "dimension"],
    )
    table = reproduction_table(published, {"participants": people, "items": items, "ratings": ratings}, config)
    rows = table.set_index("id")
    assert rows.loc["n_participants", "inside"]
    assert not rows.loc["n_items", "inside"]  # 1,760 is not 1,761
    assert rows.loc["n_items", "ours"] == 1760
    assert rows.loc["ratings_per_dimension", "ours"] == 3
    assert rows.loc["raters_per_item", "ours"] == 1.5
    assert "not part of a study's tables" in rows.loc["n_generated", "note"]


def test_odds_become_percent(published: pd.DataFrame, config: StudyConfig) -> None:
    effects = pd.DataFrame(
        {
            "dimension": ["toxicity"],
            "term": "gendermale",
            "percent_change": -20.0,
            "ci_low": math.log(0.7),
            "ci_high": math.log(0.9),
            "p_value": 0.001,
        }
    )
    table = reproduction_table(published, {"effects_demographic": effects}, config).set_index("id")
    row = table.loc["clmm_male_toxicity"]  # published: −18 %, p < .01
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(-30.0), pytest.approx(-10.0))
    assert row["same_sign"]
    assert row["inside"]
    assert row["same_significance"]
    assert "no such coefficient" in table.loc["clmm_black_ea", "note"]


def test_an_experiment_without_runs_says_so(
    published: pd.DataFrame, effects: pd.DataFrame, config: StudyConfig
) -> None:
    pooled = pooled_table(effects[effects["experiment"] != "scale"], config)
    table = reproduction_table(published, {"pooled": pooled}, config)
    scale = table[table["experiment"] == "scale"]
    assert scale["note"].str.contains("its runs or scores are missing").all()
    sentences = experiment_sentences(table)
    assert "Experiment 2 (rating scale): nothing here can be set beside it." in sentences
    assert len(sentences) == table["experiment"].nunique()


def test_sentences_and_findings_count_what_was_compared() -> None:
    table = pd.DataFrame(
        {
            "experiment": "scale",
            "ours": [1.0, 2.0, math.nan],
            "same_sign": pd.array([True, False, None], dtype="boolean"),
            "inside": pd.array([True, None, None], dtype="boolean"),
            "same_significance": pd.array([None, None, None], dtype="boolean"),
        }
    )
    assert experiment_sentences(table) == [
        "Experiment 2 (rating scale): 2 of 3 values compared; 1 of 2 the same sign, 1 of 1 inside our interval, or "
        "equal."
    ]
    signs, inside = reproduction_findings(table)
    assert (signs["value"], signs["n"]) == (0.5, 2)
    assert (inside["value"], inside["n"]) == (1.0, 1)
    assert reproduction_findings(table.iloc[2:]) == []
