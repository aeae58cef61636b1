"""Training curves: a panel per condition, however many there are, with the values of the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from plural_core.figures import mark_simulated
from plural_core.figures.training import METRICS, training_figure


def metrics(conditions: int, runs: int = 1, updates: int = 40, grpo: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(conditions)
    frames = []
    for number in range(conditions):
        for run in range(runs):
            name = "reward" if number < grpo else "reward_accuracy"
            frames.append(
                pd.DataFrame(
                    {
                        "condition": f"condition {number}",
                        "run_id": f"{number}-{run}",
                        "step": np.arange(1, updates + 1),
                        name: rng.random(updates),
                        "loss": 1.0 + rng.random(updates),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("number", [1, 2, 5, 25, 35])
def test_a_panel_per_condition_that_keeps_its_size(number: int) -> None:
    figure = training_figure(metrics(number), title="t")
    titles = [a.text for a in figure.layout.annotations if a.text.startswith("condition ")]
    assert titles == [f"condition {i}" for i in range(number)]
    plot = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    heights = [(axis.domain[1] - axis.domain[0]) * plot for axis in figure.select_yaxes()]
    assert min(heights) > 60  # pixels
    assert figure.layout.height < 280 + 40 * number
    assert len(figure.data) == 2 * number


def test_thin_lines_are_the_values_and_thick_ones_their_running_mean() -> None:
    table = metrics(1)
    thin, thick = training_figure(table, title="t").data
    assert np.allclose(thin.y, table["reward_accuracy"])
    assert list(thin.x) == list(table["step"])
    assert np.allclose(thick.y, table["reward_accuracy"].rolling(4, center=True, min_periods=1).mean())
    assert np.std(thick.y) < np.std(thin.y)


def test_each_condition_shows_what_its_algorithm_has() -> None:
    figure = training_figure(metrics(4, grpo=2), title="t")
    assert [t.name for t in figure.data if t.showlegend] == ["mean reward", "reward accuracy"]
    assert {t.line.color for t in figure.data[:4]} == {METRICS["reward"][1]}
    assert {t.line.color for t in figure.data[4:]} == {METRICS["reward_accuracy"][1]}
    assert len(figure.layout.shapes) == 2  # chance, where it is accuracy
    loss = training_figure(metrics(4, grpo=2), title="t", metric="loss")
    assert [t.name for t in loss.data if t.showlegend] == ["loss"]
    assert len({axis.range for axis in loss.select_yaxes()}) == 1
    assert not loss.layout.shapes


def test_runs_of_a_condition_share_its_panel() -> None:
    figure = training_figure(metrics(2, runs=3), title="t")
    assert len(figure.data) == 2 * 3 * 2
    assert len({t.xaxis for t in figure.data}) == 2


def test_a_training_of_one_update_and_one_of_many() -> None:
    short = training_figure(metrics(1, updates=1), title="t")
    assert short.data[1].mode == "lines+markers"
    assert short.layout.xaxis.tickvals == (1,)
    long = training_figure(metrics(1, updates=5000), title="t")
    assert len(long.data[0].x) <= 300
    assert long.layout.xaxis.ticktext == ("1", "5,000")


def test_updates_without_a_value_are_passed_over() -> None:
    table = metrics(2)
    table.loc[3:5, "reward_accuracy"] = np.nan
    assert len(training_figure(table, title="t").data[0].x) == 37


def test_the_mark_of_a_simulated_study_covers_no_title() -> None:
    figure = mark_simulated(training_figure(metrics(25), title="t"))
    highest = max(a.y for a in figure.layout.annotations if a.text.startswith("condition"))
    assert (1 - highest) * (figure.layout.height - figure.layout.margin.t - figure.layout.margin.b) >= 20


@pytest.mark.parametrize(
    "table", [pd.DataFrame(columns=["condition", "run_id", "step"]), metrics(2).drop(columns="reward_accuracy")]
)
def test_nothing_to_draw_says_so(table: pd.DataFrame) -> None:
    assert "No run has been trained" in training_figure(table, title="t").layout.annotations[0].text
