"""The published table beside ours: every kind of row by hand, gaps in words."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from plural_core.pooling.reproduction import REVERSED, published_contrast, reproduction_table
from plural_core.published import read_published
from plural_core.ratings.schemas import check_table
from plural_core.study import StudyConfig

POOLED_KEY = {"judge": "lexicon", "method": "DL", "test": "z", "k": 7}


def pooled_row(experiment: str, contrast: str, dimension: str, *values: float, **other: Any) -> dict[str, Any]:
    names = ("estimate", "ci_low", "ci_high", "p_value")
    key = {"experiment": experiment, "contrast": contrast, "dimension": dimension}
    return {**POOLED_KEY, **key, **dict(zip(names, values, strict=True)), **other}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    people = [("a", "i1"), ("b", "i1"), ("c", "i1"), ("a", "i2"), ("b", "i2")]
    return {
        "participants": pd.DataFrame({"participant_id": ["a", "b", "c"]}),
        "items": pd.DataFrame({"item_id": ["i1", "i2"]}),
        "ratings": pd.DataFrame(
            [(p, i, d, 1) for d in ("toxicity", "helpfulness") for p, i in people],
            columns=["participant_id", "item_id", "dimension", "rating"],
        ),
        "disagreement": pd.DataFrame(
            {
                "dimension": ["overall", "helpfulness", "helpfulness"],
                "factor": ["all", "gender", "all"],
                "rate": [0.84, 0.5, 0.87],
                "ci_low": [0.83, 0.4, 0.865],
                "ci_high": [0.86, 0.6, 0.88],
            }
        ),
        "cooccurrence": pd.DataFrame(
            {
                "row": ["emotional_awareness", "toxicity"],
                "column": ["toxicity", "emotional_awareness"],
                "probability": [0.2, 0.9],
                "ci_low": [0.18, 0.8],
                "ci_high": [0.22, 0.95],
            }
        ),
        "effects_demographic": pd.DataFrame(
            {
                "dimension": ["toxicity"],
                "term": ["gendermale"],
                "percent_change": [-20.0],
                "ci_low": [math.log(0.7)],
                "ci_high": [math.log(0.9)],
                "p_value": [0.2],
            }
        ),
        "alpha": pd.DataFrame(
            {
                "dimension": "toxicity",
                "metric": ["nominal", "ordinal", "ordinal"],
                "level": ["White", "White", "liberal"],
                "alpha": [0.1, 0.36, 0.2],
                "ci_low": [0.0, 0.3, 0.1],
                "ci_high": [0.2, 0.4, 0.3],
            }
        ),
        "judge_agreement": pd.DataFrame(
            {
                "comparison": ["rater-rater", "judge-rater"],
                "measure": "side",
                "judge": "lexicon",
                "dimension": "emotional_awareness",
                "estimate": [0.4, 0.9],
                "ci_low": [0.3, 0.84],
                "ci_high": [0.5, 0.95],
            }
        ),
        "pooled": pd.DataFrame(
            [
                pooled_row("demographic", "female - male", "toxicity", -0.03, -0.05, -0.01, 0.004, method="REML"),
                pooled_row("demographic", "female - male", "toxicity", -0.02, -0.04, 0.001, 0.06),
                pooled_row("demographic", "female - male", "emotional_awareness", 0.001, -0.01, 0.012, 0.8),
                pooled_row("algorithm", "DPO toxicity - DPO EA", "toxicity", -0.1, -0.11, -0.09, 0.0001),
                pooled_row("algorithm", "DPO toxicity - DPO both", "toxicity", 0.01, 0.001, 0.02, 0.03),
            ]
        ),
    }


@pytest.fixture(scope="module")
def made(tables: dict[str, pd.DataFrame], config: StudyConfig) -> pd.DataFrame:
    table = reproduction_table(read_published(), tables, config)
    check_table(table, "reproduction")
    return table.set_index("id")


def test_every_published_row_is_there_once_in_the_published_order(made: pd.DataFrame) -> None:
    assert list(made.index) == list(read_published()["id"])


@pytest.mark.parametrize(
    ("id_", "ours", "low", "high", "same_sign", "inside", "same_significance"),
    [
        ("n_participants", 3, None, None, None, False, None),
        ("n_ratings", 10, None, None, None, False, None),
        ("ratings_per_dimension", 5, None, None, None, False, None),
        ("raters_per_item", 2.5, None, None, None, False, None),
        ("disagreement_all", 0.84, 0.83, 0.86, None, True, None),  # published: 0.853
        ("disagreement_helpfulness", 0.87, 0.865, 0.88, None, False, None),  # 0.862
        ("p_toxic_given_ea", 0.2, 0.18, 0.22, None, True, None),  # 0.208
        ("clmm_male_toxicity", -20.0, -30.0, -10.0, True, True, False),  # -18.0, <.01
        ("alpha_white", 0.36, 0.3, 0.4, True, True, None),  # 0.35
        ("alpha_liberal", 0.2, 0.1, 0.3, True, False, None),  # 0.39
        ("exp1_female", -0.02, -0.04, 0.001, True, True, False),  # -0.035, 0.002
        ("exp1_female_cross", 0.001, -0.01, 0.012, None, None, True),  # no value, 0.860
        ("exp4_tox_vs_ea", -0.1, -0.11, -0.09, True, True, True),  # 0.097 the other way round
        ("exp4_tox_vs_both", 0.01, 0.001, 0.02, False, False, True),  # -0.084, 0.022
        ("judge_agreement", 0.9, 0.84, 0.95, None, True, None),  # 0.85
    ],
)
def test_a_row_by_hand(
    made: pd.DataFrame,
    id_: str,
    ours: float,
    low: float | None,
    high: float | None,
    same_sign: bool | None,
    inside: bool | None,
    same_significance: bool | None,
) -> None:
    row = made.loc[id_]
    assert row["ours"] == pytest.approx(ours)
    for name, expected in (("ci_low", low), ("ci_high", high)):
        assert pd.isna(row[name]) if expected is None else row[name] == pytest.approx(expected)
    verdicts = {"same_sign": same_sign, "inside": inside, "same_significance": same_significance}
    for name, verdict in verdicts.items():
        assert pd.isna(row[name]) if verdict is None else row[name] == verdict, name


def test_equal_counts_are_equal(tables: dict[str, pd.DataFrame], config: StudyConfig) -> None:
    published = read_published()
    three = published[published["id"] == "n_participants"].assign(value=3.0)
    assert reproduction_table(three, tables, config)["inside"].tolist() == [True]


def test_a_reversed_difference_is_turned_round_and_its_note_kept(made: pd.DataFrame) -> None:
    printed = read_published().set_index("id")["value"]
    for id_ in REVERSED:
        assert made.loc[id_, "published"] == -printed[id_]
        assert "sign reversed" in made.loc[id_, "note"]


def test_what_is_missing_is_said(made: pd.DataFrame, tables: dict[str, pd.DataFrame], config: StudyConfig) -> None:
    assert "its runs or scores are missing" in made.loc["exp1_white", "note"]
    assert made.loc["alpha_black", "note"] == "the study has no such group, or it may not be shown"
    assert "not part of a study's tables" in made.loc["n_generated", "note"]
    bare = reproduction_table(read_published(), {}, config).set_index("id")
    assert bare["ours"].isna().all()
    assert (bare["note"] != "").all()
    assert bare[["same_sign", "inside", "same_significance"]].isna().all(axis=None)
    one = config.model_copy(update={"experiments": {"scale": config.experiments["scale"]}})
    other = reproduction_table(read_published(), tables, one).set_index("id")
    assert "this study does not ask it" in other.loc["exp1_female", "note"]


def test_every_published_effect_is_asked_by_one_contrast_of_the_demo(config: StudyConfig) -> None:
    published = read_published()
    effects = published[published["unit"] == "score"]
    asked = {id_: published_contrast(config, id_) for id_ in effects["id"]}
    assert {id_ for id_, found in asked.items() if found is None} == set()
    for row in effects.to_dict("records"):
        experiment, contrast, dimension = asked[row["id"]] or ("", "", "")
        assert (experiment, dimension) == (row["experiment"], row["dimension"]), row["id"]
        declared = config.experiments[experiment].contrasts[contrast]
        assert (declared.second == "base") == (row["quantity"] == "pooled effect vs control"), row["id"]
    assert published_contrast(config, "no such row") is None
