"""Effects and mean scores by family: values and intervals of the table, rows and families that stay apart."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from plural_core.figures import mark_simulated
from plural_core.figures.effects import effects_figure, scores_figure

FAMILIES = ["llama", "qwen3", "mistral", "gemma2", "phi3", "gpt_neox", "olmo2"]


def rows(contrasts: int, families: int = 3, dimensions: tuple[str, ...] = ("toxicity", "warmth")) -> pd.DataFrame:
    rng = np.random.default_rng(contrasts)
    table = pd.DataFrame(
        itertools.product([f"c{i} - base" for i in range(contrasts)], dimensions, FAMILIES[:families]),
        columns=["contrast", "dimension", "family"],
    )
    values = rng.uniform(-0.3, 0.3, len(table))
    return table.assign(
        estimate=values,
        std_error=0.02,
        n_prompts=200,
        n_unscorable=0,
        bound_low=values - 0.1,
        bound_high=values + 0.1,
    )


def dots(figure: go.Figure) -> list[go.Scatter]:
    return [t for t in figure.data if t.error_x.array is not None]


def test_values_and_intervals_are_those_of_the_table() -> None:
    table = rows(4)
    for trace in dots(figure := effects_figure(table, title="t")):
        dimension = "toxicity" if trace.xaxis == "x" else "warmth"
        own = table[(table["dimension"] == dimension) & (table["family"] == trace.name)]
        assert np.allclose(trace.x, own["estimate"])
        assert np.allclose(trace.error_x.array, 1.959964 * 0.02)
        assert [round(y) for y in trace.y] == [0, 1, 2, 3]
    assert len(dots(figure)) == 6
    assert sum(bool(t.showlegend) for t in figure.data) == 4  # three families and their mean, once each
    wide = effects_figure(table, title="t", level=0.99)
    assert dots(wide)[0].error_x.array[0] > dots(figure)[0].error_x.array[0]


def test_the_mean_of_the_families() -> None:
    table = rows(3)
    bars = [t for t in effects_figure(table, title="t").data if t.name == "mean of the families"]
    own = table[table["dimension"] == "toxicity"].groupby("contrast")["estimate"].mean()
    assert np.allclose(bars[0].x, own)
    assert not any(t.name == "mean of the families" for t in effects_figure(rows(3, 1), title="t").data)


def test_families_differ_in_colour_and_symbol() -> None:
    traces = dots(effects_figure(rows(2, 7, ("toxicity",)), title="t"))
    assert len({t.marker.color for t in traces}) == 7
    assert len({t.marker.symbol[0] for t in traces}) == 7


@pytest.mark.parametrize(("contrasts", "families"), [(1, 1), (1, 7), (30, 1), (30, 7)])
def test_rows_and_families_stay_apart(contrasts: int, families: int) -> None:
    figure = effects_figure(rows(contrasts, families), title="t")
    plot = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    y = np.sort([v for t in dots(figure) if t.xaxis == "x" for v in t.y]) * plot / contrasts
    assert len(y) == contrasts * families
    assert np.all(np.diff(y) >= 5.9)  # pixels
    assert len(figure.layout.yaxis.ticktext) == contrasts


def test_words_and_their_order() -> None:
    figure = effects_figure(
        rows(1),
        title="t",
        labels={"c0 - base": "one"},
        dimensions={"warmth": "Warmth", "other": "Other", "toxicity": "Toxicity"},
        families={"qwen3": "Qwen3", "llama": "Llama"},
    )
    assert figure.layout.yaxis.ticktext == ("one",)
    assert [a.text for a in figure.layout.annotations[:2]] == ["Warmth", "Toxicity"]
    assert [t.name for t in dots(figure)[:3]] == ["Qwen3", "Llama", "mistral"]
    lines = [s for s in figure.layout.shapes if s.type == "line"]
    assert [(s.x0, s.xref, s.line.dash) for s in lines] == [(0.0, "x", "dash"), (0.0, "x2", "dash")]


def test_many_answers_without_a_score_make_a_hollow_marker() -> None:
    table = rows(2, 1, ("toxicity",))
    table.loc[0, ["n_prompts", "n_unscorable"]] = [150, 50]
    figure = effects_figure(table, title="t")
    trace = dots(figure)[0]
    assert list(trace.marker.symbol) == ["circle-open", "circle"]
    assert "50 prompts without a score" in trace.text[0]
    assert "with any scores for these" in trace.text[0]
    assert "without a score" not in trace.text[1]
    assert any("hollow" in a.text for a in figure.layout.annotations)
    assert not any("hollow" in a.text for a in effects_figure(rows(2), title="t").layout.annotations)


def test_what_has_no_estimate_or_no_error() -> None:
    table = rows(3, 2)
    table.loc[table["contrast"] == "c1 - base", "estimate"] = np.nan
    table.loc[0, "std_error"] = np.nan
    figure = effects_figure(table, title="t")
    assert figure.layout.yaxis.ticktext == ("c0 - base", "c2 - base")
    assert dots(figure)[0].error_x.array[0] == 0.0
    assert "to" not in dots(figure)[0].text[0].split("<br>")[1]
    assert "No family" in effects_figure(table.iloc[:0], title="t").layout.annotations[0].text


def test_mean_scores_with_the_base_model_as_a_line() -> None:
    table = rows(3, 2).rename(columns={"contrast": "condition", "estimate": "mean"})
    table["condition"] = table["condition"].replace("c0 - base", "base")
    table["mean"] = table["mean"].abs()
    figure = scores_figure(
        table.drop(columns=["bound_low", "bound_high"]), title="t", labels={"base": "base model", "c1 - base": "one"}
    )
    assert figure.layout.yaxis.ticktext[:2] == ("base model", "one")
    base = table[(table["condition"] == "base") & (table["dimension"] == "toxicity")]["mean"].mean()
    lines = [s for s in figure.layout.shapes if s.type == "line"]
    assert lines[0].x0 == pytest.approx(base)
    assert any("base model" in a.text for a in figure.layout.annotations)
    alone = scores_figure(table[table["condition"] != "base"], title="t")
    assert not [s for s in alone.layout.shapes if s.type == "line"]


@pytest.mark.parametrize("families", [2, 7])
def test_the_mark_of_a_simulated_study_stands_between_legend_and_panels(families: int) -> None:
    figure = mark_simulated(effects_figure(rows(5, families), title="t"))
    mark = figure.layout.annotations[-1]
    plot = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    legend = (figure.layout.legend.y - 1) * plot
    assert mark.yshift > 20  # the panels' titles
    if families > 4:  # a legend of several lines
        assert legend >= mark.yshift + 24
