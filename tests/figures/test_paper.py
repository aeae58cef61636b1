"""The paper's Figures 2 to 5: the tables' numbers in panels, the survey's sign as the contrast's."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from plural_core.figures.paper import OURS, PUBLISHED, SURVEY, panels_figure
from plural_core.pooling.paper_figures import paper_figure_rows
from plural_core.study import StudyConfig, load_study


@pytest.fixture(scope="module")
def config(root: Path) -> StudyConfig:
    return load_study(root / "configs" / "demo.yaml").config


@pytest.fixture(scope="module")
def pooled() -> pd.DataFrame:
    key = {"experiment": "demographic", "dimension": "toxicity", "judge": "lexicon", "method": "DL"}
    values = {"estimate": -0.02, "ci_low": -0.05, "ci_high": 0.01}
    return pd.DataFrame(
        [
            {**key, "contrast": "female - male", "test": "z", **values},
            {**key, "contrast": "female - male", "test": "knha", **values, "estimate": 9.0},
        ]
    )


@pytest.fixture(scope="module")
def effects() -> pd.DataFrame:
    return pd.DataFrame(
        {"dimension": ["toxicity"], "term": "gendermale", "estimate": -0.2, "ci_low": -0.3, "ci_high": -0.1}
    )


def test_models_and_published_and_survey(pooled: pd.DataFrame, effects: pd.DataFrame, config: StudyConfig) -> None:
    rows = paper_figure_rows(pooled, effects, config, "demographic").set_index("mark")
    assert rows.loc[OURS, "estimate"] == -0.02
    assert rows.loc[PUBLISHED, "estimate"] == -0.035
    assert math.isnan(rows.loc[PUBLISHED, "ci_low"])
    # The regression gives male against female, its reference; the contrast is female against male.
    assert rows.loc[SURVEY, ["estimate", "ci_low", "ci_high"]].tolist() == [0.2, 0.1, 0.3]


def test_a_figure_shows_each_mark_once_in_its_panel(
    pooled: pd.DataFrame, effects: pd.DataFrame, config: StudyConfig
) -> None:
    figure = panels_figure(paper_figure_rows(pooled, effects, config, "demographic"), title="t")
    assert [(trace.legendgroup, list(trace.x)) for trace in figure.data] == [
        (OURS, [-0.02]),
        (PUBLISHED, [-0.035]),
        (SURVEY, [0.2]),
    ]
    models, published, survey = figure.data
    assert published.marker.symbol == "diamond-open"
    assert models.error_x.array[0] == pytest.approx(0.03)
    assert (models.xaxis, published.xaxis, survey.xaxis) == ("x", "x", "x2")
    low, high = figure.layout.xaxis.range
    assert low < -0.05 < 0.01 < high


def test_without_anything_pooled_the_figure_says_so(
    pooled: pd.DataFrame, effects: pd.DataFrame, config: StudyConfig
) -> None:
    rows = paper_figure_rows(pooled, effects, config, "scale")
    assert rows.empty
    assert "No contrast" in panels_figure(rows, title="t").layout.annotations[0].text
