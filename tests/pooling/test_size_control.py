"""Contrasts beside themselves at equal size and at equal steps: found by what conditions are, not by their names."""

from __future__ import annotations

import pandas as pd
import pytest

from plural_core.pooling.size_control import size_control_table
from plural_core.pooling.story import control_findings, control_rows
from plural_core.ratings.schemas import check_table
from plural_core.study import StudyConfig, load_study

STUDY = """
study: sizes
data: {adapter: simulation}
conditions:
  full: {label: all ratings, dimensions: [toxicity]}
  vote: {label: majority, dimensions: [toxicity], aggregation: majority}
  full_small: {label: all ratings at equal size, dimensions: [toxicity], size: vote}
  full_steps: {label: all ratings at equal steps, dimensions: [toxicity], budget: {steps: 30}}
  vote_steps: {label: majority at equal steps, dimensions: [toxicity], aggregation: majority, budget: {steps: 30}}
  other_steps: {label: binary, dimensions: [toxicity], scale: binary, budget: {steps: 30}}
experiments:
  handling:
    title: Handling
    question: Does it matter?
    conditions: [full, vote, full_small, full_steps, vote_steps, other_steps]
    contrasts:
      Zebra: {first: full, second: vote, dimension: toxicity}
      Ant: {first: full_small, second: vote, dimension: toxicity}
      Cow: {first: full_steps, second: vote_steps, dimension: toxicity}
      Dog: {first: other_steps, second: vote_steps, dimension: toxicity}
      Emu: {first: full, dimension: toxicity}
"""
ESTIMATES = {"Zebra": -0.08, "Ant": -0.02, "Cow": 0.01, "Dog": 0.5, "Emu": -0.09}


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> StudyConfig:
    path = tmp_path_factory.mktemp("sizes") / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load_study(path).config


@pytest.fixture(scope="module")
def pooled() -> pd.DataFrame:
    rows = [
        {
            "experiment": "handling",
            "contrast": name,
            "dimension": "toxicity",
            "judge": "lexicon",
            "method": method,
            "test": test,
            "estimate": value if (method, test) == ("DL", "z") else 7.0,
            "std_error": 0.01,
            "ci_low": value - 0.02,
            "ci_high": value + 0.02,
            "p_value": 0.01,
        }
        for name, value in ESTIMATES.items()
        for method in ("REML", "DL")
        for test in ("knha", "z")
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def conditions() -> pd.DataFrame:
    sizes = {"full": 900, "vote": 100, "full_small": 100, "full_steps": 900, "vote_steps": 100, "other_steps": 50}
    return pd.DataFrame({"condition": list(sizes), "n_pairs_raw": list(sizes.values())})


def test_a_contrast_stands_beside_its_twins(pooled: pd.DataFrame, conditions: pd.DataFrame, sized: StudyConfig) -> None:
    table = check_table(size_control_table(pooled, conditions, sized), "size_control")
    assert table["question"].unique().tolist() == ["Zebra"]
    assert dict(zip(table["control"], table["contrast"], strict=True)) == {
        "as published": "Zebra",
        "equal size": "Ant",
        "equal steps": "Cow",
    }
    shares = table.set_index("control")["share_left"]
    assert shares["as published"] == 1.0
    assert shares["equal size"] == pytest.approx(0.25)  # −0.02 of −0.08: three quarters are more data
    assert shares["equal steps"] == pytest.approx(-0.125)
    small = table[table["control"] == "equal size"].iloc[0]
    assert (small["n_first"], small["n_second"]) == (100, 100)


def test_without_the_published_contrast_no_share_is_told(
    pooled: pd.DataFrame, conditions: pd.DataFrame, sized: StudyConfig
) -> None:
    table = size_control_table(pooled[pooled["contrast"] != "Zebra"], conditions, sized)
    assert table["control"].tolist() == ["equal size", "equal steps"]
    assert table["share_left"].isna().all()
    assert control_findings(table, sized) == []


def test_nothing_pooled_is_an_empty_table(pooled: pd.DataFrame, conditions: pd.DataFrame, sized: StudyConfig) -> None:
    table = size_control_table(pooled.iloc[:0], conditions, sized)
    assert table.empty
    assert control_rows(table).empty


def test_the_finding_tells_of_equal_size_in_points(
    pooled: pd.DataFrame, conditions: pd.DataFrame, sized: StudyConfig
) -> None:
    (found,) = control_findings(size_control_table(pooled, conditions, sized), sized)
    assert found["value"] == -0.02
    assert "a difference of −8.0 points as published" in found["sentence"]
    assert "−2.0 (−4.0 to 0.0) where both have as many comparisons" in found["sentence"]


def test_a_contrast_that_may_be_chance_is_no_finding(
    pooled: pd.DataFrame, conditions: pd.DataFrame, sized: StudyConfig
) -> None:
    unsure = pooled.assign(ci_high=0.5)
    assert control_findings(size_control_table(unsure, conditions, sized), sized) == []
