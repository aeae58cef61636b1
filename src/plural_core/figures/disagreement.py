"""Disagreement and reliability, per dimension and per group."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.intervals import interval_figure
from plural_core.figures.theme import INK, SOFT, empty_figure


def disagreement_figure(
    table: pd.DataFrame, labels: Mapping[str, str], title: str = "How often raters disagree"
) -> go.Figure:
    """Draw the share of items whose ratings are not all equal, with the share expected by chance.

    Parameters
    ----------
    table : DataFrame
        The ``disagreement`` table.
    labels : mapping
        Label of each dimension; rows of other dimensions (``overall``) keep their own name.
    title : str
        Title of the figure.
    """
    rows = table[(table["factor"] == "all") & table["rate"].notna()]
    if rows.empty:
        return empty_figure(title, "No item has two ratings: disagreement is not estimable.")
    rows = rows.assign(label=[labels.get(d, d) for d in rows["dimension"]])
    figure = interval_figure(
        rows,
        label="label",
        estimate="rate",
        n="n_items",
        title=title,
        x="share of items with any disagreement, with 95 % interval",
        percent=True,
    )
    names = list(dict.fromkeys(rows["label"]))
    figure.data[0].update(name="observed", showlegend=True)
    figure.add_trace(
        go.Scatter(
            x=rows["expected"],
            y=[names.index(v) for v in rows["label"]],
            mode="markers",
            name="expected if raters were exchangeable across items",
            marker={"symbol": "diamond-open", "size": 11, "color": INK, "line": {"width": 1.5}},
            hovertemplate="expected: %{x:.1%}<extra></extra>",
        )
    )
    low = min(float(rows["ci_low"].min()), float(rows["expected"].min()))
    figure.update_xaxes(range=[max(0.0, low - 0.08), 1.0])
    return figure


def group_disagreement_figure(
    table: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    dimension: str,
    estimate: str = "rate",
    x: str = "share of items with any disagreement",
    percent: bool = True,
) -> go.Figure:
    """Draw one measure for each group of each factor on one dimension, everybody on top.

    Parameters
    ----------
    table : DataFrame
        The ``disagreement`` or the ``alpha`` table.
    labels : mapping
        Label of each dimension.
    dimension : str
        The dimension shown.
    estimate : str
        Column with the measure: ``rate`` or ``alpha``.
    x : str
        Title of the value axis.
    percent : bool
        Whether the measure is a share.
    """
    rows = table[(table["dimension"] == dimension) & table[estimate].notna()]
    title = f"{labels.get(dimension, dimension)}: by group"
    rows = rows.assign(
        label=[
            "everybody" if factor == "all" else f"{factor.replace('_', ' ')}: {level}"
            for factor, level in zip(rows["factor"], rows["level"], strict=True)
        ]
    )
    figure = interval_figure(
        rows,
        label="label",
        estimate=estimate,
        n="n_ratings",
        title=title,
        x=f"{x}, with 95 % interval",
        percent=percent,
    )
    everybody = rows[rows["factor"] == "all"]
    if len(everybody):
        figure.add_vline(x=float(everybody[estimate].iloc[0]), line={"color": SOFT, "width": 1, "dash": "dot"})
    return figure


def alpha_figure(
    table: pd.DataFrame, labels: Mapping[str, str], title: str = "Agreement beyond chance (Krippendorff's alpha)"
) -> go.Figure:
    """Draw Krippendorff's alpha of each dimension; 0 is chance, 1 is full agreement.

    Parameters
    ----------
    table : DataFrame
        The ``alpha`` table.
    labels : mapping
        Label of each dimension.
    title : str
        Title of the figure.
    """
    rows = table[(table["factor"] == "all") & (table["metric"] == "ordinal")]
    rows = rows.assign(label=[labels.get(d, d) for d in rows["dimension"]])
    figure = interval_figure(
        rows,
        label="label",
        estimate="alpha",
        n="n_items",
        title=title,
        x="ordinal alpha, with 95 % interval",
        null=0.0,
    )
    figure.update_xaxes(rangemode="tozero")
    return figure
