"""Effects and mean scores per model family: one panel per dimension, conditions as rows, families side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from plural_core.figures.theme import COLOURS, INK, SOFT, SYMBOLS, empty_figure

MANY_UNSCORABLE = 0.1
"""Share of prompts without a score above which a marker is hollow."""
_ROW, _PER_FAMILY, _TOP, _LEGEND, _BOTTOM = 13, 6, 118, 40, 84  # pixels
_ONE_LINE = 4  # families whose legend leaves room for the mark of simulated data beside it
_BAND = "rgba(128, 140, 152, 0.08)"  # on light and on dark pages
_MOST_LABEL = 38


def effects_figure(
    table: pd.DataFrame,
    *,
    title: str,
    labels: Mapping[str, str] | None = None,
    dimensions: Mapping[str, str] | None = None,
    families: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> go.Figure:
    """Draw the effect of each contrast in each family, one panel per dimension, the first row on top.

    Parameters
    ----------
    table : DataFrame
        Rows of table ``effects`` of one judge; a contrast that several experiments share must be there once.
    title : str
        Title.
    labels, dimensions, families : mapping, optional
        Contrasts, dimensions and families in readers' words; panels and families come in the order of these where
        they are given.
    level : float
        Confidence level of the (normal) intervals.
    """
    rows = table.rename(columns={"contrast": "row", "estimate": "value"})
    return _figure(rows, _Words(title, "difference of scores, first minus second", labels, dimensions, families), level)


def scores_figure(
    table: pd.DataFrame,
    *,
    title: str,
    labels: Mapping[str, str] | None = None,
    dimensions: Mapping[str, str] | None = None,
    families: Mapping[str, str] | None = None,
    level: float = 0.95,
    control: str = "base",
) -> go.Figure:
    """Draw the mean score of each condition in each family, one panel per dimension, the first row on top.

    Parameters
    ----------
    table : DataFrame
        Rows of `condition_scores` of one judge.
    title : str
        Title.
    labels, dimensions, families : mapping, optional
        Conditions, dimensions and families in readers' words; panels and families come in the order of these where
        they are given.
    level : float
        Confidence level of the (normal) intervals.
    control : str
        Condition whose mean over families is a broken line.
    """
    rows = table.rename(columns={"condition": "row", "mean": "value"})
    words = _Words(title, "mean score", labels, dimensions, families)
    return _figure(rows, words, level, control)


@dataclass(frozen=True)
class _Words:
    """What a figure says."""

    title: str
    x: str
    labels: Mapping[str, str] | None
    dimensions: Mapping[str, str] | None
    families: Mapping[str, str] | None

    def ordered(self, kind: str, values: pd.Series) -> dict[str, str]:
        """Return what is in a column with its words: in the order of the words, then in that of the rows."""
        words: Mapping[str, str] = getattr(self, kind) or {}
        there = [str(value) for value in dict.fromkeys(values)]
        order = (
            there if kind == "labels" else [*(w for w in words if w in there), *(v for v in there if v not in words)]
        )
        return {name: words.get(name, name.replace("_", " ")) for name in order}


def _figure(table: pd.DataFrame, words: _Words, level: float, control: str | None = None) -> go.Figure:
    rows = table[table["value"].notna()]
    if rows.empty:
        return empty_figure(words.title, "No family has scores of these conditions.")
    names = words.ordered("labels", rows["row"])
    panels = words.ordered("dimensions", rows["dimension"])
    families = words.ordered("families", rows["family"])
    per_row = _ROW + _PER_FAMILY * len(families)
    top = _TOP if len(families) <= _ONE_LINE else _TOP + _LEGEND
    height = top + _BOTTOM + per_row * len(names)
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=list(panels.values())
    )
    place = {name: number for number, name in enumerate(names)}
    shapes: list[dict[str, object]] = [_band(row) for row in range(0, len(names), 2)]
    for number, dimension in enumerate(panels, start=1):
        part = rows[rows["dimension"] == dimension]
        for order, (family, label) in enumerate(families.items()):
            own = part[part["family"] == family]
            offset = (order - (len(families) - 1) / 2) * _PER_FAMILY / per_row
            if len(own):
                trace = _dots(own, [place[str(r)] + offset for r in own["row"]], names, label, order, level)
                figure.add_trace(trace.update(showlegend=number == 1), row=1, col=number)
        if len(families) > 1:
            figure.add_trace(_means(part, place, names, number == 1), row=1, col=number)
        at = 0.0 if control is None else float(part.loc[part["row"] == control, "value"].mean())
        if not math.isnan(at):
            shapes.append(_line(number, at, "dash" if control is None else "dot"))
    figure.update_layout(shapes=shapes)
    _finish(figure, words, names, height, top, _note(rows, control, level))
    return figure


def _line(panel: int, x: float, dash: str) -> dict[str, object]:
    """Return an upright line through a panel."""
    axis = "" if panel == 1 else str(panel)
    line = {"color": INK, "width": 1, "dash": dash}
    return {"type": "line", "xref": f"x{axis}", "yref": "y domain", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}


def _band(row: int) -> dict[str, object]:
    """Return the grey behind a row."""
    across = {"xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": row - 0.5, "y1": row + 0.5}
    return {"type": "rect", **across, "fillcolor": _BAND, "line": {"width": 0}, "layer": "below"}


def _dots(
    rows: pd.DataFrame, y: list[float], names: Mapping[str, str], family: str, order: int, level: float
) -> go.Scatter:
    """Return a family's markers with their intervals."""
    half = (NormalDist().inv_cdf(0.5 + level / 2) * rows["std_error"]).fillna(0.0)
    colour = COLOURS[order % len(COLOURS)]
    symbol = SYMBOLS[order % len(SYMBOLS)]
    hollow = _share_unscorable(rows) > MANY_UNSCORABLE
    return go.Scatter(
        x=rows["value"],
        y=y,
        mode="markers",
        name=family,
        legendgroup=family,
        marker={
            "symbol": [f"{symbol}-open" if is_open else symbol for is_open in hollow],
            "size": 7,
            "color": colour,
            "line": {"width": [1.5 if is_open else 0.5 for is_open in hollow], "color": colour},
        },
        error_x={"type": "data", "array": half, "color": colour, "thickness": 1.2, "width": 0},
        text=[_hover(row, names, family, h) for row, h in zip(rows.to_dict("records"), half, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )


def _hover(row: Mapping[Any, Any], names: Mapping[str, str], family: str, half: float) -> str:
    value = float(row["value"])
    interval = f" ({value - half:.3f} to {value + half:.3f})" if half else ""
    lines = [f"{names[str(row['row'])]}, {family}", f"{value:.3f}{interval}", f"{row['n_prompts']:,} prompts"]
    if row["n_unscorable"]:
        lines.append(f"{row['n_unscorable']:,} prompts without a score")
        if "bound_low" in row:
            lines.append(f"with any scores for these: {row['bound_low']:.3f} to {row['bound_high']:.3f}")
    return "<br>".join(lines).replace("-", "−")


def _means(rows: pd.DataFrame, place: Mapping[str, int], names: Mapping[str, str], named: bool) -> go.Scatter:
    """Return a bar per row at the mean over families."""
    means = rows.groupby(rows["row"].astype(str), sort=False)["value"].mean()
    return go.Scatter(
        x=means,
        y=[place[str(name)] for name in means.index],
        mode="markers",
        name="mean of the families",
        legendgroup="mean",
        showlegend=named,
        marker={"symbol": "line-ns", "size": 18, "line": {"width": 2, "color": INK}},
        text=[f"{names[str(name)]}: mean of the families {value:.3f}" for name, value in means.items()],
        hovertemplate="%{text}<extra></extra>",
    )


def _share_unscorable(rows: pd.DataFrame) -> pd.Series:
    share: pd.Series = rows["n_unscorable"] / (rows["n_prompts"] + rows["n_unscorable"]).clip(lower=1)
    return share


def _note(rows: pd.DataFrame, control: str | None, level: float) -> str:
    parts = [f"lines: {100 * level:g} % intervals over prompts"]
    if control is not None and (rows["row"] == control).any():
        parts.append("broken line: base model")
    if (_share_unscorable(rows) > MANY_UNSCORABLE).any():
        parts.append(f"hollow: more than {MANY_UNSCORABLE:.0%} of the answers cannot be scored".replace("%", " %"))
    return "; ".join(parts)


def _finish(figure: go.Figure, words: _Words, names: Mapping[str, str], height: int, top: int, note: str) -> None:
    figure.update_annotations(font_size=13)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[text if len(text) <= _MOST_LABEL else text[: _MOST_LABEL - 1] + "…" for text in names.values()],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(zeroline=False, nticks=6)
    figure.add_annotation(
        text=words.x, xref="paper", yref="paper", x=0.5, y=0, yshift=-26, xanchor="center", yanchor="top",
        showarrow=False, font={"size": 13, "color": INK},
    )  # fmt: skip
    figure.add_annotation(
        text=note, xref="paper", yref="paper", x=0, y=0, yshift=-54, xanchor="left", yanchor="top", showarrow=False,
        font={"size": 12, "color": SOFT},
    )  # fmt: skip
    figure.update_layout(
        template="plural",
        title={"text": words.title, "y": 1 - 24 / height, "yanchor": "middle"},
        height=height,
        margin={"t": top, "b": _BOTTOM, "l": 10, "r": 20},
        legend={"y": 1 + (top - _TOP + 26) / (height - top - _BOTTOM), "yanchor": "bottom"},
    )
