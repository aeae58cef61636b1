"""Power curves: one panel per contrast, one line per change, told apart without colour."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from plural_core.figures import mark_simulated
from plural_core.figures.power import power_figure

NUMBERS = [250, 1000, 4000]


def rows(contrasts: list[str], methods: tuple[str, ...] = ("information",)) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "contrast": contrast,
                "method": method,
                "participants": n,
                "percent_change": change,
                "power": min(1.0, n * change / 100_000),
                "ci_low": 0.0 if method == "simulation" else np.nan,
                "ci_high": 1.0 if method == "simulation" else np.nan,
            }
            for contrast in contrasts
            for method in methods
            for n in NUMBERS
            for change in (20.0, -50.0)
        ]
    )


def test_a_line_per_contrast_and_change_with_the_values_of_the_table() -> None:
    figure = power_figure(rows(["male vs female", "Black vs White", "b vs a", "c vs a"]), target=0.8, participants=900)
    lines = [t for t in figure.data if t.type == "scatter"]
    assert len(lines) == 8
    assert list(lines[0].x) == NUMBERS
    assert [t.name for t in lines if t.showlegend] == ["−50 %", "+20 %"]  # the larger change first, each once
    assert np.allclose(lines[1].y, [0.05, 0.2, 0.8])
    assert {"male vs female", "c vs a"} <= {a.text for a in figure.layout.annotations}


def test_lines_differ_in_dash_and_symbol() -> None:
    first, second = power_figure(rows(["b vs a"])).data[:2]
    assert first.line.dash != second.line.dash
    assert first.marker.symbol != second.marker.symbol


def test_the_wanted_power_and_the_study_are_drawn_in_every_panel() -> None:
    shapes = power_figure(rows(["b vs a", "c vs a"]), target=0.9, participants=900).layout.shapes
    assert {s.type for s in shapes} == {"line"}
    assert [s.y0 for s in shapes if s.y0 == s.y1] == [0.9, 0.9]
    assert [s.x0 for s in shapes if s.x0 == s.x1] == [900, 900]


def test_simulated_power_stands_as_points_with_intervals_on_the_lines() -> None:
    figure = power_figure(rows(["b vs a"], ("information", "simulation")))
    points = [t for t in figure.data if t.mode == "markers"]
    assert len(points) == 2
    assert all(t.error_y.array is not None for t in points)
    assert all(t.mode == "lines" for t in figure.data if t not in points)


def test_the_mark_of_a_simulated_study_covers_no_title() -> None:
    figure = mark_simulated(power_figure(rows([f"{c} vs a" for c in "bcdefghijklmn"])))
    titles = [a.y for a in figure.layout.annotations if a.text.endswith("vs a")]
    pixels = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    assert (1 - max(titles)) * pixels >= 20


def test_nothing_to_draw_says_so() -> None:
    figure = power_figure(rows(["b vs a"]).assign(power=np.nan))
    assert "No effect" in figure.layout.annotations[0].text


@pytest.mark.parametrize("number", [1, 2, 3, 14])
def test_any_number_of_panels(number: int) -> None:
    assert len(power_figure(rows([f"l{k} vs a" for k in range(number)])).data) == 2 * number
