"""Figures for readers: their language, their screens, and names that are not markup."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import pytest

from plural_core.dashboard.pictures import in_language, prepared
from plural_core.dashboard.views import disagreement, effects
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.figures import group_share_figure
from plural_core.figures.forest import forest_figure
from plural_core.figures.screen import DARK_INK, DARK_PAGE, for_screen
from plural_core.figures.theme import INK
from plural_core.ratings.groups import group_shares


def figure_of(view: View) -> go.Figure:
    figure = disagreement.by_group(view, "toxicity", "rate").figure
    assert figure is not None
    return prepared(figure, view.words, simulated=view.simulated, names=view.names)


def test_names_in_angle_brackets_are_shown_as_they_are(own_view: View) -> None:
    labels = list(figure_of(own_view).layout.yaxis.ticktext)
    assert "Political *view*: &lt;b>moderate&lt;/b>" in labels


@pytest.mark.parametrize("text", ["<a href='https://e.org'>x</a>", "<span style='x'>y</span>", "<img src=x>"])
def test_no_other_markup_reaches_plotly(text: str) -> None:
    figure = go.Figure(go.Scatter(x=[1], y=[1], text=[text], name=text))
    figure.add_annotation(text=f"<b>{text}</b><br>next")
    plain = prepared(figure, Words("en"), simulated=False)
    assert plain.data[0].text[0].startswith("&lt;")
    assert plain.data[0].name.startswith("&lt;")
    assert plain.layout.annotations[0].text == f"<b>{text.replace('<', '&lt;')}</b><br>next"


def test_a_harmless_figure_is_left_alone(view: View) -> None:
    figure = disagreement.alpha(view).figure
    assert figure is not None
    assert prepared(figure, Words("en"), simulated=False, names=view.names) is figure


def test_german_figures_have_german_words_and_numbers(view: View) -> None:
    panel = effects.forest(View(view.study, Words("de"), view.people), ("toxicity",), tuple(view.compared))
    assert panel.figure is not None
    figure = prepared(panel.figure, Words("de"), simulated=True)
    assert figure.layout.separators == ",."
    texts = [a.text for a in figure.layout.annotations]
    assert "Simulierte Daten" in texts
    numbers = [t for t in texts if " bis " in t]
    assert numbers and not [t for t in texts if " to " in t]
    assert in_language(figure, Words("en")) is figure


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("narrow", [False, True])
def test_figures_fit_the_screen(view: View, dark: bool, narrow: bool) -> None:
    panel = effects.forest(view, ("toxicity",), tuple(view.compared))
    assert panel.figure is not None
    figure = prepared(panel.figure, Words("en"), simulated=True)
    before = figure.to_json()
    shown = for_screen(figure, dark=dark, narrow=narrow)
    assert figure.to_json() == before
    assert not shown.layout.title.text
    assert "Simulated data" in shown.to_json()
    own = shown.to_plotly_json()
    own["layout"].pop("template")
    assert (INK in str(own)) != dark
    assert (DARK_INK in str(own)) == dark
    assert shown.layout.template.layout.paper_bgcolor == (DARK_PAGE if dark else "white")
    labels = [a.text for a in shown.layout.annotations if a.yref == "y" and a.xref == "paper" and a.x == 0]
    assert bool(labels) == narrow
    if narrow:
        assert "male or non-binary vs female" in labels or "male vs female" in labels
        assert not [a for a in shown.layout.annotations if a.x == 1 and a.xanchor == "left"]


def test_bars_get_their_labels_above_them_on_a_phone(view: View) -> None:
    figure = group_share_figure(group_shares(view.protected))
    shown = for_screen(figure, narrow=True)
    labels = [a.text for a in shown.layout.annotations]
    assert "<b>gender</b>" in labels and "female" in labels
    bars = sum(len(t.y) for t in shown.data)
    assert bars == len(group_shares(view.protected))
    assert all(isinstance(y, int) for t in shown.data for y in t.y)


def test_a_title_is_kept_where_the_page_has_none() -> None:
    figure = go.Figure(layout={"title": {"text": "A title"}, "height": 300})
    assert for_screen(figure, titled=True).layout.title.text == "A title"
    assert not for_screen(figure).layout.title.text


@pytest.mark.parametrize("blocks", [1, 5])
def test_rows_of_seven_families_keep_apart_on_a_phone(blocks: int) -> None:
    """Above a row stands its label (a line of 12 points, 7 pixels up), below it half of the largest mark."""
    families = ["llama", "gpt_neox", "qwen3", "phi3", "gemma3", "mistral", "olmo2"]
    rows = pd.DataFrame(
        {
            "block": f"{b}",
            "label": label,
            "estimate": 0.01,
            "ci_low": -0.02,
            "ci_high": 0.04,
            "weight": weight,
            "kind": kind,
        }
        for b in range(blocks)
        for label, weight, kind in [*((f, 14.3, "estimate") for f in families), ("pooled", None, "summary")]
    )
    made = forest_figure(rows, title="", x="difference", block="block", kind="kind", weight="weight")
    shown = for_screen(made, narrow=True)
    layout = shown.layout
    pixels = layout.height - layout.margin.t - layout.margin.b
    a_row = pixels / abs(layout.yaxis.range[0] - layout.yaxis.range[1])
    label = next(a for a in layout.annotations if a.text == "olmo2")
    largest = max(max(t.marker.size) for t in shown.data if isinstance(t.marker.size, tuple))
    diamond = max(max(t.y) - min(t.y) for t in shown.data if t.fill == "toself") / 2 * a_row
    assert a_row > label.yshift + 1.3 * label.font.size + max(largest / 2, diamond)


@pytest.mark.parametrize("words", [1, 8, 24])
def test_a_legend_stands_below_the_axis_title_on_a_phone(words: int) -> None:
    """Above the title are 40 pixels of numbers and room; each of its lines takes 16."""
    rows = pd.DataFrame({"label": ["a"], "estimate": [0.1], "ci_low": [0.0], "ci_high": [0.2], "known": [0.15]})
    shown = for_screen(
        forest_figure(rows, title="", x=" ".join(["difference"] * words), published="known"), narrow=True
    )
    layout = shown.layout
    lines = layout.xaxis.title.text.count("<br>") + 1
    assert lines == -(-words // 3)
    pixels = layout.height - layout.margin.t - layout.margin.b
    assert -layout.legend.y * pixels >= 40 + 16 * lines
    assert layout.margin.b > -layout.legend.y * pixels + 2 * 20  # two names in the legend
