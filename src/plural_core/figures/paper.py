"""The paper's Figures 2 to 5 from a study's own tables; its Figure 1 is `cooccurrence_figure`."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from plural_core.figures.theme import INK, OKABE_ITO, empty_figure

OURS, SURVEY, PUBLISHED = "models", "survey (log odds)", "published"
_MARKS = {
    OURS: ("circle", OKABE_ITO["purple"], 9),
    SURVEY: ("triangle-up", OKABE_ITO["blue"], 10),
    PUBLISHED: ("diamond-open", OKABE_ITO["vermillion"], 11),
}
_ROW, _TOP, _BOTTOM, _TITLE = 30, 104, 112, 46  # pixels


def panels_figure(rows: pd.DataFrame, *, title: str) -> go.Figure:
    """Draw effects as points with intervals, one panel below the other, published values hollow beside them.

    Parameters
    ----------
    rows : DataFrame
        panel, label, x (title of the panel's axis), mark (``models``, ``survey (log odds)`` or ``published``),
        estimate, ci_low, ci_high; see `plural_core.pooling.paper_figures`. Panels and labels in the order of the rows.
    title : str
        Title.
    """
    shown = rows[rows["estimate"].notna()] if len(rows) else rows
    if shown.empty:
        return empty_figure(title, "No contrast of this figure has been pooled here.")
    panels = list(dict.fromkeys(shown["panel"]))
    labels = [list(dict.fromkeys(shown.loc[shown["panel"] == panel, "label"])) for panel in panels]
    lines = [len(part) for part in labels]
    height = _TOP + _BOTTOM + _ROW * sum(lines) + (_TITLE + 40) * (len(panels) - 1)
    inner = height - _TOP - _BOTTOM
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        row_heights=lines,
        vertical_spacing=(_TITLE + 40) / inner if len(panels) > 1 else 0.0,
        subplot_titles=panels,
    )
    named: set[str] = set()
    for number, (panel, names) in enumerate(zip(panels, labels, strict=True), start=1):
        part = shown[shown["panel"] == panel]
        marks = [mark for mark in _MARKS if (part["mark"] == mark).any()]
        for order, mark in enumerate(marks):
            own = part[part["mark"] == mark]
            offset = (order - (len(marks) - 1) / 2) * 0.26
            places = [names.index(label) + offset for label in own["label"]]
            figure.add_trace(_points(own, places, mark, mark not in named), row=number, col=1)
            named.add(mark)
        figure.add_vline(x=0.0, line={"color": INK, "width": 1, "dash": "dash"}, row=number, col=1)
        figure.update_yaxes(
            tickmode="array", tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5],
            showgrid=False, zeroline=False, row=number, col=1,
        )  # fmt: skip
        title_of_axis = {"text": str(part["x"].iloc[0]), "font": {"size": 12}, "standoff": 6}
        figure.update_xaxes(title=title_of_axis, range=_range(part), nticks=6, zeroline=False, row=number, col=1)
    figure.update_annotations(font_size=13, x=0.0, xanchor="left", yshift=2)
    figure.update_layout(
        template="plural",
        title={"text": title, "y": 1 - 22 / height, "yanchor": "middle"},
        height=height,
        margin={"t": _TOP, "b": _BOTTOM, "l": 10, "r": 20},
        legend={"y": -58 / inner, "yanchor": "top"},
    )
    return figure


def _points(rows: pd.DataFrame, places: list[float], mark: str, named: bool) -> go.Scatter:
    symbol, colour, size = _MARKS[mark]
    line: Mapping[str, object] = {
        "color": colour if mark == PUBLISHED else INK,
        "width": 2 if mark == PUBLISHED else 0.5,
    }
    return go.Scatter(
        x=rows["estimate"],
        y=places,
        mode="markers",
        name="published (other people, other models)" if mark == PUBLISHED else mark,
        legendgroup=mark,
        showlegend=named,
        marker={"symbol": symbol, "size": size, "color": colour, "line": line},
        error_x=None if mark == PUBLISHED else _interval(rows, colour),
        text=rows["label"],
        hovertemplate=f"%{{text}}, {mark}: %{{x:.3f}}<extra></extra>",
    )


def _interval(rows: pd.DataFrame, colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["ci_high"] - rows["estimate"]).fillna(0.0),
        "arrayminus": (rows["estimate"] - rows["ci_low"]).fillna(0.0),
        "color": colour,
        "thickness": 1.6,
        "width": 4,
    }


def _range(rows: pd.DataFrame) -> list[float]:
    """Return the range of a panel: all marks, their intervals and zero, with room at both ends."""
    values = rows[["estimate", "ci_low", "ci_high"]]
    low, high = min(float(values.min().min()), 0.0), max(float(values.max().max()), 0.0)
    pad = 0.05 * (high - low or 1.0)
    return [low - pad, high + pad]
