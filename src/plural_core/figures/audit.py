"""Figures of the audit: how much each condition has to compare, and whose view its labels keep."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from plural_core.figures.theme import COLOURS, INK, LINE, SYMBOLS, empty_figure, new_figure, row_height


def sizes_figure(table: pd.DataFrame, *, title: str) -> go.Figure:
    """Draw how many comparisons a condition has, and into how many merged pairs they fold; logarithmic.

    Parameters
    ----------
    table : DataFrame
        condition, what, n; conditions from the top in the order of the rows.
    title : str
        Title.
    """
    if table.empty:
        return empty_figure(title, "No condition has anything to compare.")
    conditions = list(dict.fromkeys(table["condition"]))
    figure = new_figure(title, "number, logarithmic", height=row_height(len(conditions), 24))
    at = {name: number for number, name in enumerate(conditions)}
    for number, (what, part) in enumerate(table.groupby("what", sort=False)):
        shown = part[part["n"] > 0]
        figure.add_trace(
            go.Scatter(
                x=shown["n"],
                y=[at[name] for name in shown["condition"]],
                mode="markers",
                name=str(what),
                marker={"color": COLOURS[number], "symbol": SYMBOLS[number], "size": 10},
                text=[f"{c}: {n:,} {what}" for c, n in zip(shown["condition"], shown["n"], strict=True)],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    for name, part in table.groupby("condition", sort=False):
        figure.add_shape(
            type="line",
            x0=max(int(part["n"].min()), 1),
            x1=max(int(part["n"].max()), 1),
            y0=at[name],
            y1=at[name],
            line={"color": LINE, "width": 2},
            layer="below",
        )
    figure.update_xaxes(type="log", dtick=1)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(at.values()),
        ticktext=conditions,
        range=[len(conditions) - 0.5, -0.5],
        zeroline=False,
    )
    return figure


def influence_figure(table: pd.DataFrame, *, title: str, labels: dict[str, str]) -> go.Figure:
    """Draw how often the label is a group's own, one panel per factor, one symbol per group, one row per aggregation.

    Parameters
    ----------
    table : DataFrame
        From `influence_table`, of one dimension: aggregation, factor, level, agreement.
    title : str
        Title.
    labels : dict
        Factors and aggregations in readers' words.
    """
    rows = table[table["agreement"].notna()]
    if rows.empty:
        return empty_figure(title, "No group may be shown, or none has a majority of its own.")
    factors = list(dict.fromkeys(rows["factor"]))
    hows = list(dict.fromkeys(rows["aggregation"]))
    figure = make_subplots(
        rows=len(factors),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.24 / max(len(factors), 1),
        subplot_titles=[labels.get(f, f) for f in factors],
    )
    for number, factor in enumerate(factors, start=1):
        part = rows[rows["factor"] == factor]
        for place, (level, group) in enumerate(part.groupby("level", sort=False)):
            figure.add_trace(
                go.Scatter(
                    x=group["agreement"],
                    y=[labels.get(a, a) for a in group["aggregation"]],
                    mode="markers",
                    name=str(level),
                    legend=f"legend{number}" if number > 1 else "legend",
                    marker={
                        "color": COLOURS[place % len(COLOURS)],
                        "symbol": SYMBOLS[place % len(SYMBOLS)],
                        "size": 10,
                        "line": {"color": INK, "width": 0.5},
                    },
                    text=[
                        f"{level}, {labels.get(a, a)}: label equals its majority in {v:.1%} of {n:,} answers"
                        for a, v, n in zip(
                            group["aggregation"], group["agreement"], group["n_own_majority"], strict=True
                        )
                    ],
                    hovertemplate="%{text}<extra></extra>",
                ),
                row=number,
                col=1,
            )
    height = 130 + len(factors) * (70 + 24 * len(hows))
    figure.update_layout(template="plural", title_text=title, height=height)
    figure.update_yaxes(
        categoryorder="array", categoryarray=[labels.get(a, a) for a in reversed(hows)], automargin=True
    )
    figure.update_xaxes(tickformat=".0%")
    figure.update_xaxes(title_text="answers whose label equals the group's own majority", row=len(factors), col=1)
    for number in range(1, len(factors) + 1):
        axis = figure.layout["yaxis" if number == 1 else f"yaxis{number}"]
        figure.layout["legend" if number == 1 else f"legend{number}"] = {
            "orientation": "v",
            "yanchor": "top",
            "y": axis.domain[1],
            "x": 1.02,
            "xanchor": "left",
        }
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    return figure
