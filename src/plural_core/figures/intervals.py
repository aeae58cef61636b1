"""Estimates with intervals, one row each: the form of most figures here."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.theme import COLOURS, INK, SYMBOLS, empty_figure, new_figure, row_height


def interval_figure(
    table: pd.DataFrame,
    *,
    label: str,
    estimate: str = "estimate",
    low: str = "ci_low",
    high: str = "ci_high",
    group: str | None = None,
    n: str | None = None,
    title: str = "",
    x: str = "",
    null: float | None = None,
    percent: bool = False,
) -> go.Figure:
    """Draw estimates with their intervals, the first row on top.

    Parameters
    ----------
    table : DataFrame
        One row per estimate; rows without an estimate are left out.
    label : str
        Column with the row's name.
    estimate, low, high : str
        Columns with the estimate and its limits; missing limits draw no bar.
    group : str, optional
        Column whose values get a colour and a symbol of their own, side by side on a row.
    n : str, optional
        Column with the number behind each estimate, shown on hover.
    title, x : str
        Title, and the title of the value axis.
    null : float, optional
        Where to draw the line of "no difference".
    percent : bool
        Whether values are shares, shown in percent.
    """
    rows = table[table[estimate].notna()]
    if rows.empty:
        return empty_figure(title, "Nothing can be estimated here.")
    labels = list(dict.fromkeys(rows[label].astype(str)))
    groups = [None] if group is None else list(dict.fromkeys(rows[group].astype(str)))
    per_row = 26 + 10 * (len(groups) - 1)
    figure = new_figure(title, x, height=row_height(len(labels), per_row))
    for i, name in enumerate(groups):
        part = rows if name is None or group is None else rows[rows[group].astype(str) == name]
        offset = 0.0 if len(groups) == 1 else (i - (len(groups) - 1) / 2) * 0.6 / len(groups)
        position = [labels.index(str(v)) + offset for v in part[label]]
        spec = ".1%" if percent else ".3f"
        counts = [""] * len(part) if n is None else [f"<br>n = {int(v):,}" if pd.notna(v) else "" for v in part[n]]
        bounds = [
            f"<br>interval {a:{spec}} to {b:{spec}}" if pd.notna(a) and pd.notna(b) else ""
            for a, b in zip(part[low], part[high], strict=True)
        ]
        hover = [
            f"{row_label}{'' if name is None else ', ' + name}<br>{value:{spec}}{bound}{count}"
            for row_label, value, bound, count in zip(part[label], part[estimate], bounds, counts, strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=part[estimate],
                y=position,
                mode="markers",
                name=name or "",
                marker={
                    "color": COLOURS[i % len(COLOURS)],
                    "symbol": SYMBOLS[i % len(SYMBOLS)],
                    "size": 10,
                    "line": {"color": INK, "width": 0.5},
                },
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": (part[high] - part[estimate]).fillna(0).clip(lower=0),
                    "arrayminus": (part[estimate] - part[low]).fillna(0).clip(lower=0),
                    "color": COLOURS[i % len(COLOURS)],
                    "thickness": 2,
                    "width": 4,
                },
                text=hover,
                hovertemplate="%{text}<extra></extra>",
                showlegend=name is not None,
            )
        )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(labels))),
        ticktext=labels,
        range=[len(labels) - 0.5, -0.5],
        zeroline=False,
    )
    if percent:
        figure.update_xaxes(tickformat=".0%")
    if null is not None:
        figure.add_vline(x=null, line={"color": INK, "width": 1, "dash": "dash"})
    return figure
