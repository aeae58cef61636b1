"""Figures: they show the tables' numbers, mark simulated data, and never fail on an empty table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import PluralError
from plural_core.figures import (
    OKABE_ITO,
    between_figure,
    browser_path,
    cooccurrence_figure,
    coverage_figure,
    disagreement_figure,
    export_figure,
    forest_figure,
    group_share_figure,
    interval_figure,
    mark_simulated,
    scale_use_figure,
    topics_figure,
)
from plural_core.figures.export import NO_BROWSER
from plural_core.figures.theme import SEQUENCE, SIMULATED_MARK

ROWS = pd.DataFrame(
    {
        "label": ["a", "a", "b"],
        "block": ["one", "one", "two"],
        "estimate": [1.0, -2.0, np.nan],
        "ci_low": [0.5, -9.0, np.nan],
        "ci_high": [1.5, 9.0, np.nan],
        "published": [1.2, np.nan, np.nan],
        "note": ["", "", "separated"],
    }
)


def texts(figure: object) -> list[str]:
    return [a.text for a in figure.layout.annotations]  # type: ignore[attr-defined]


def test_equal_labels_of_a_forest_keep_their_own_rows() -> None:
    figure = forest_figure(ROWS, title="t", x="x", block="block")
    markers = next(t for t in figure.data if t.mode == "markers" and isinstance(t.marker.symbol, tuple))
    assert len(set(markers.y)) == 3
    assert list(figure.layout.yaxis.ticktext) == ["<b>one</b>", "a", "a", "<b>two</b>", "b"]


def test_an_interval_beyond_the_axis_ends_in_an_arrow_and_a_missing_one_in_its_note() -> None:
    figure = forest_figure(ROWS, title="t", x="x", limits=(-3.0, 3.0), published="published", note="note")
    symbols = [t.marker.symbol for t in figure.data if t.mode == "markers" and isinstance(t.marker.symbol, str)]
    assert "triangle-left" in symbols
    assert "triangle-right" in symbols
    assert "diamond-open" in symbols
    assert "separated" in texts(figure)
    assert "1.0 (0.5 to 1.5)" in texts(figure)
    assert "−2.0 (−9.0 to 9.0)" in texts(figure)


@pytest.mark.parametrize("rows", [1, 60])
def test_a_forest_grows_with_its_rows(rows: int) -> None:
    table = pd.DataFrame({"label": "x", "estimate": 0.1, "ci_low": 0.0, "ci_high": 0.2}, index=range(rows))
    figure = forest_figure(table, title="t", x="x")
    assert figure.layout.height >= 24 * rows


def test_interval_figure_shows_estimates_and_their_limits() -> None:
    figure = interval_figure(ROWS, label="label", title="t", x="x")
    assert list(figure.data[0].x) == [1.0, -2.0]
    np.testing.assert_allclose(figure.data[0].error_x.array, [0.5, 11.0])
    np.testing.assert_allclose(figure.data[0].error_x.arrayminus, [0.5, 7.0])


def test_the_mark_of_simulated_data_is_written_once() -> None:
    figure = mark_simulated(mark_simulated(interval_figure(ROWS, label="label")))
    assert texts(figure).count(SIMULATED_MARK) == 1


def test_equal_coverage_on_every_dimension_is_one_bar() -> None:
    one = pd.DataFrame({"dimension": "A", "n_ratings": [1, 2], "n_items": [3, 4]})
    same = pd.concat([one, one.assign(dimension="B")])
    other = pd.concat([one, one.assign(dimension="B", n_items=[4, 3])])
    assert len(coverage_figure(same).data) == 1
    assert len(coverage_figure(other).data) == 2


def test_cooccurrence_holds_the_shares_in_the_order_of_the_labels() -> None:
    table = pd.DataFrame(
        {"row": ["x", "x", "y", "y"], "column": ["x", "y", "x", "y"], "probability": [1, 0.2, 0.4, 1], "n_row": 10}
    )
    figure = cooccurrence_figure(table, {"y": "Why", "x": "Ex"})
    np.testing.assert_allclose(figure.data[0].z, [[1, 0.4], [0.2, 1]])


def test_empty_tables_give_a_figure_that_says_so() -> None:
    nothing = pd.DataFrame(columns=["factor", "dimension", "rate", "ci_low", "ci_high", "expected", "n_items", "level"])
    assert "not estimable" in texts(disagreement_figure(nothing, {}))[0]
    assert texts(topics_figure(pd.DataFrame(columns=["difference"]), {}))
    assert texts(group_share_figure(pd.DataFrame(columns=["factor", "level", "n", "share"])))
    assert texts(coverage_figure(pd.DataFrame(columns=["dimension", "n_ratings", "n_items"])))
    assert texts(scale_use_figure(pd.DataFrame(columns=["dimension", "level", "level_label", "share"])))
    between = pd.DataFrame(columns=["level_a", "share", "factor", "dimension", "ci_low", "ci_high", "n_items"])
    assert texts(between_figure(between, {}))
    assert texts(forest_figure(ROWS.iloc[:0], title="t", x="x"))


def lightness(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_sequence_reads_in_greyscale() -> None:
    steps = np.diff([lightness(c) for c in SEQUENCE])
    assert (steps < -0.05).all()


def test_the_palette_is_okabe_ito() -> None:
    assert OKABE_ITO["blue"] == "#0072B2"
    assert len(set(OKABE_ITO.values())) == 8


def test_figures_are_written_where_a_browser_is(tmp_path: Path, require_crosschecks: Callable[[str], None]) -> None:
    if browser_path() is None:
        require_crosschecks("no Chrome or Chromium was found")
    figure = interval_figure(ROWS, label="label", title="t", x="x")
    png = export_figure(figure, tmp_path / "deep" / "f.png", width=400, scale=1.0)
    svg = export_figure(figure, tmp_path / "f.svg", width=400)
    assert png is not None
    assert png.read_bytes().startswith(b"\x89PNG")
    assert svg is not None
    assert "<svg" in svg.read_text(encoding="utf-8")[:200]


def test_without_a_browser_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nowhere"))
    assert export_figure(interval_figure(ROWS, label="label"), tmp_path / "f.png") is None
    assert capsys.readouterr().out.strip() == NO_BROWSER


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluralError, match=r"\.svg, \.png or \.pdf"):
        export_figure(interval_figure(ROWS, label="label"), tmp_path / "f.gif")
