"""Who rated, how often each item was rated, and how the scales were used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.theme import (
    COLOURS,
    DIVERGING,
    INK,
    empty_figure,
    new_figure,
    row_height,
)

_PATTERNS = ["", "/", ".", "\\", "x", "-", "|", "+"]


def group_share_figure(shares: pd.DataFrame, title: str = "Who rated") -> go.Figure:
    """Draw the share of participants in each group, one block per factor.

    Parameters
    ----------
    shares : DataFrame
        Columns factor, level, n, share (0 to 1), in reading order.
    title : str
        Title of the figure.
    """
    if shares.empty:
        return empty_figure(title, "No groups of participants can be shown.")
    figure = new_figure(title, "share of participants", height=row_height(len(shares), 22))
    for i, (factor, part) in enumerate(shares.groupby("factor", sort=False)):
        figure.add_trace(
            go.Bar(
                y=[[str(factor)] * len(part), part["level"].astype(str).tolist()],
                x=part["share"],
                orientation="h",
                name=str(factor),
                marker={"color": COLOURS[i % len(COLOURS)], "line": {"color": INK, "width": 0.5}},
                text=[f"{s:.0%}" for s in part["share"]],
                textposition="outside",
                cliponaxis=False,
                customdata=part["n"],
                hovertemplate="%{y}<br>%{customdata:,} participants, %{x:.1%}<extra></extra>",
                showlegend=False,
            )
        )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    return figure


def coverage_figure(coverage: pd.DataFrame, title: str = "Ratings per item") -> go.Figure:
    """Draw how many items have one, two, three ... ratings on a dimension.

    Parameters
    ----------
    coverage : DataFrame
        Columns dimension (its label), n_ratings, n_items.
    title : str
        Title of the figure.
    """
    if coverage.empty:
        return empty_figure(title, "There are no ratings.")
    figure = new_figure(title, "ratings of an item", "items")
    parts = [(str(name), part[["n_ratings", "n_items"]]) for name, part in coverage.groupby("dimension", sort=False)]
    if all(np.array_equal(part.to_numpy(), parts[0][1].to_numpy()) for _, part in parts):
        # Every item was rated on every dimension by the same people: one bar says it all.
        parts = [("every dimension", parts[0][1])]
    for i, (dimension, part) in enumerate(parts):
        figure.add_trace(
            go.Bar(
                x=part["n_ratings"],
                y=part["n_items"],
                name=dimension,
                showlegend=len(parts) > 1,
                marker={
                    "color": COLOURS[i % len(COLOURS)],
                    "line": {"color": INK, "width": 0.5},
                    "pattern": {
                        "shape": _PATTERNS[i % len(_PATTERNS)],
                        "fillmode": "overlay",
                        "fgcolor": "white",
                        "size": 6,
                    },
                },
                hovertemplate="%{y:,} items have %{x} ratings<extra>" + dimension + "</extra>",
            )
        )
    figure.update_xaxes(dtick=1 if coverage["n_ratings"].max() <= 20 else None)
    return figure


def scale_use_figure(use: pd.DataFrame, title: str = "How the scales were used") -> go.Figure:
    """Draw the share of each level per dimension as one bar that fills 100 %.

    Parameters
    ----------
    use : DataFrame
        Columns dimension (its label), level (number), level_label, share (0 to 1).
    title : str
        Title of the figure.
    """
    if use.empty:
        return empty_figure(title, "There are no ratings.")
    dimensions = list(dict.fromkeys(use["dimension"]))
    figure = new_figure(title, "share of ratings", height=row_height(len(dimensions), 40, 170))
    most = int(use["level"].max())
    levels_of = use.groupby("dimension")["level"].max()
    for level in sorted(use["level"].unique()):
        part = use[use["level"] == level]
        place = (level - 1) / (part["dimension"].map(levels_of) - 1).clip(lower=1)
        shade = [DIVERGING[round(p * (len(DIVERGING) - 1))] for p in place]
        labels = part["level_label"].astype(str)
        figure.add_trace(
            go.Bar(
                y=part["dimension"],
                x=part["share"],
                orientation="h",
                name=labels.iloc[0] if len(set(labels)) == 1 else f"level {level}",
                marker={
                    "color": shade,
                    "line": {"color": "white", "width": 1},
                    "pattern": {
                        "shape": ["/" if p < 0.5 else "" for p in place],
                        "fillmode": "overlay",
                        "fgcolor": "rgba(255,255,255,0.55)",
                        "size": 6,
                    },
                },
                text=[f"{s:.0%}" if s >= 0.06 else "" for s in part["share"]],
                textangle=0,
                insidetextanchor="middle",
                customdata=labels,
                hovertemplate="%{y}: %{customdata}, %{x:.1%}<extra></extra>",
            )
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal", showlegend=most <= 10)
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    figure.update_yaxes(autorange="reversed")
    return figure
