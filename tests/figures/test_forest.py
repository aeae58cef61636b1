"""The forest plot: blocks with subtotals, weights, clipped ends."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from plural_core.figures import forest_figure

ROWS = pd.DataFrame(
    {
        "block": ["one", "one", "one", "two", "two", ""],
        "label": ["a", "b", "subtotal", "a", "subtotal", "all"],
        "kind": ["estimate", "estimate", "summary", "estimate", "summary", "summary"],
        "estimate": [0.1, 0.3, 0.2, 0.4, 0.4, 0.3],
        "ci_low": [0.0, 0.2, 0.1, 0.1, 0.1, 0.2],
        "ci_high": [0.2, 0.4, 0.3, 0.7, 0.7, 0.4],
        "weight": [80.0, 20.0, math.nan, 100.0, math.nan, math.nan],
    }
)


def test_every_block_ends_in_its_subtotal_s_diamond() -> None:
    figure = forest_figure(ROWS, title="t", x="x", block="block", kind="kind", weight="weight")
    ticks = ["<b>one</b>", "a", "b", "<b>subtotal</b>", "<b>two</b>", "a", "<b>subtotal</b>", "<b>all</b>"]
    assert list(figure.layout.yaxis.ticktext) == ticks
    diamonds = [trace for trace in figure.data if trace.fill == "toself"]
    assert [(min(d.x), max(d.x), d.y[0]) for d in diamonds] == [(0.1, 0.3, 3), (0.1, 0.7, 6), (0.2, 0.4, 7)]


def test_areas_of_markers_go_with_weights() -> None:
    figure = forest_figure(ROWS, title="t", x="x", block="block", kind="kind", weight="weight")
    sizes = next(trace.marker.size for trace in figure.data if trace.name == "this study")
    assert (sizes[0] / sizes[2]) ** 2 == pytest.approx(0.8)


@pytest.mark.parametrize("n", [1, 7, 60])
def test_every_row_has_its_numbers(n: int) -> None:
    rows = pd.DataFrame({"label": "x", "estimate": range(n), "ci_low": -1.0, "ci_high": 99.0})
    for narrow in (False, True):
        figure = forest_figure(rows, title="t", x="x", digits=0, narrow=narrow)
        assert [a.y for a in figure.layout.annotations if a.text.endswith("99)")] == list(range(n))


def test_an_arrow_at_the_edge_is_whole() -> None:
    figure = forest_figure(ROWS, title="t", x="x", limits=(0.15, 0.5))
    arrows = [trace for trace in figure.data if str(trace.marker.symbol).startswith("triangle")]
    assert [(list(arrow.x), list(arrow.y)) for arrow in arrows] == [
        ([0.15] * 4, [0, 2, 3, 4]),
        ([0.5] * 2, [3, 4]),
    ]
    assert all(arrow.cliponaxis is False for arrow in arrows)


def test_what_rounds_to_nothing_has_no_sign() -> None:
    rows = pd.DataFrame({"label": ["x"], "estimate": [-0.0001], "ci_low": [-0.2], "ci_high": [0.2]})
    figure = forest_figure(rows, title="t", x="x", digits=3)
    assert any(a.text.startswith("0.000 (−0.200") for a in figure.layout.annotations)
