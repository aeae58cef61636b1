"""Figures of judges: they show the tables' numbers, and never fail on an empty table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from plural_core.figures.judges import (
    calibration_figure,
    judge_agreement_figure,
    judge_contrasts_figure,
    judge_groups_figure,
)

LABELS = {f"d{n}": f"Dimension {n}" for n in range(5)}


def bins(dimensions: int, judges: int = 2) -> pd.DataFrame:
    rows = [
        (f"j{j}", f"d{d}", b, 0.1 * b, 0.1 * b + 0.02, 0.1 * b, 0.1 * b + 0.05, 30, 90)
        for d in range(dimensions)
        for j in range(judges)
        for b in range(1, 5)
    ]
    names = ["judge", "dimension", "bin", "score_mean", "rating_mean", "ci_low", "ci_high", "n_items", "n_ratings"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_calibration_has_a_panel_per_dimension(dimensions: int) -> None:
    table = bins(dimensions)
    figure = calibration_figure(table, LABELS)
    titles = [a.text for a in figure.layout.annotations]
    assert titles == [f"Dimension {n}" for n in range(dimensions)]
    markers = [t for t in figure.data if t.mode == "markers"]
    assert len(markers) == 2 * dimensions
    assert [t.name for t in markers if t.showlegend] == ["j0", "j1"]
    assert sum(t.mode == "lines" and t.showlegend for t in figure.data) == 1
    np.testing.assert_allclose(markers[0].x, [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(markers[0].error_y.array, 0.03)
    np.testing.assert_allclose(markers[0].error_y.arrayminus, 0.02)
    # Both axes show the same part of the scale, so that the line of equality is one.
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    low, high = figure.layout.xaxis.range
    assert low < 0.1 and high > 0.45 and high - low >= 0.4


def test_a_judge_that_scores_one_dimension_only_is_in_the_legend_once() -> None:
    table = bins(2)
    table = table[(table["judge"] == "j0") | (table["dimension"] == "d1")]
    figure = calibration_figure(table, LABELS)
    assert sorted(t.name for t in figure.data if t.mode == "markers" and t.showlegend) == ["j0", "j1"]


def agreement(judges: int) -> pd.DataFrame:
    rows = [
        (f"j{j}", d, "side", comparison, value, value - 0.1, value + 0.1, 50, 200)
        for d in ("d1", "d0")
        for j in range(judges)
        for comparison, value in (
            ("judge-rater", 0.7),
            ("rater-rater", 0.6),
            ("difference", 0.1),
            ("constant-rater", 0.5),
        )
    ]
    names = ["judge", "dimension", "measure", "comparison", "estimate", "ci_low", "ci_high", "n_items", "n_ratings"]
    return pd.DataFrame(rows, columns=names)


def test_agreement_stands_beside_that_of_raters() -> None:
    figure = judge_agreement_figure(agreement(1), LABELS)
    assert [t.name for t in figure.data] == ["judge and rater", "two raters", "always the same level, and rater"]
    assert [list(t.x) for t in figure.data] == [[0.7, 0.7], [0.6, 0.6], [0.5, 0.5]]
    assert list(figure.layout.yaxis.ticktext) == ["Dimension 0", "Dimension 1"]
    two = judge_agreement_figure(agreement(2), LABELS)
    assert list(two.layout.yaxis.ticktext)[:2] == ["Dimension 0 · j0", "Dimension 0 · j1"]


GROUPS = pd.DataFrame(
    {
        "judge": "j",
        "dimension": "d0",
        "factor": ["gender", "gender", "age_band"],
        "level": ["female", "male", "over 60"],
        "difference": [0.02, -0.03, np.nan],
        "difference_low": [0.01, -0.05, np.nan],
        "difference_high": [0.03, -0.01, np.nan],
        "note": ["", "", "not shown: it, or another group that could be had from it, is fewer than 10 people"],
    }
)
PAIRS = pd.DataFrame(
    {
        "judge": "j",
        "dimension": "d0",
        "factor": ["gender", "age_band"],
        "level_a": ["female", "18-30"],
        "level_b": ["male", "other (fewer than 10 each)"],
        "agreement_gap": [0.05, 0.01],
        "agreement_low": [0.01, -0.02],
        "agreement_high": [0.09, 0.04],
        "closer": [0.004, np.nan],
        "closer_low": [0.001, np.nan],
        "closer_high": [0.007, np.nan],
        "note": ["", "closer is not estimable: few"],
    }
)


def texts(figure: object) -> list[str]:
    written = [a.text for a in figure.layout.annotations]  # type: ignore[attr-defined]
    for trace in figure.data:  # type: ignore[attr-defined]
        if trace.text is not None:
            written += [trace.text] if isinstance(trace.text, str) else list(trace.text)
    return written


def test_groups_stand_in_blocks_and_withheld_ones_say_so() -> None:
    figure = judge_groups_figure(GROUPS, LABELS, judge="j", dimension="d0")
    ticks = list(figure.layout.yaxis.ticktext)
    assert ticks == ["<b>gender</b>", "female", "male", "<b>age band</b>", "over 60"]
    assert "not shown" in texts(figure)
    assert "0.020 (0.010 to 0.030)" in texts(figure)


def test_contrasts_of_either_kind() -> None:
    agreement = judge_contrasts_figure(PAIRS, LABELS, judge="j", dimension="d0")
    assert "18-30 − other" in list(agreement.layout.yaxis.ticktext)
    assert "0.050 (0.010 to 0.090)" in texts(agreement)
    closer = judge_contrasts_figure(PAIRS, LABELS, judge="j", dimension="d0", value="closer")
    assert "not estimable" in texts(closer)
    assert "0.004 (0.001 to 0.007)" in texts(closer)


def test_empty_tables_say_so() -> None:
    figures = [
        calibration_figure(bins(1)[:0], LABELS),
        judge_agreement_figure(agreement(1)[:0], LABELS),
        judge_agreement_figure(agreement(1), LABELS, measure="kappa"),
        judge_groups_figure(GROUPS, LABELS, judge="nobody", dimension="d0"),
        judge_contrasts_figure(PAIRS[:0], LABELS, judge="j", dimension="d0"),
    ]
    for figure in figures:
        assert figure.layout.annotations
        assert not figure.data
