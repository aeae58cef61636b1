"""Co-occurrence of judgements: the paper's Figure 1."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.theme import SEQUENCE, empty_figure, new_figure


def cooccurrence_figure(
    table: pd.DataFrame, labels: Mapping[str, str], title: str = "Which judgements go together"
) -> go.Figure:
    """Draw P(column agrees | row agrees) as a heat map with the numbers in its cells.

    Parameters
    ----------
    table : DataFrame
        The ``cooccurrence`` table.
    labels : mapping
        Label of each dimension, in reading order.
    title : str
        Title of the figure.
    """
    names = [d for d in labels if d in set(table["row"])]
    if not names or table["probability"].notna().sum() == 0:
        return empty_figure(title, "No rating agrees on any dimension.")
    grid = table.pivot(index="row", columns="column", values="probability").reindex(index=names, columns=names)
    counts = table.pivot(index="row", columns="column", values="n_row").reindex(index=names, columns=names)
    shown = [["<br>".join(textwrap.wrap(labels[d], 14)) for d in names]] * 2
    text = [["" if pd.isna(p) else f"{p:.0%}" for p in row] for row in grid.to_numpy()]
    figure = new_figure(title, "also agrees on", "of those who agree on", height=150 + 68 * len(names))
    figure.add_trace(
        go.Heatmap(
            z=grid.to_numpy(),
            x=shown[0],
            y=shown[1],
            zmin=0,
            zmax=1,
            colorscale=[[i / (len(SEQUENCE) - 1), c] for i, c in enumerate(SEQUENCE)],
            text=text,
            texttemplate="%{text}",
            textfont={"size": 14},
            customdata=counts.to_numpy(),
            hovertemplate="of %{customdata:,} ratings that agree on %{y}, %{z:.1%} agree on %{x}<extra></extra>",
            colorbar={"tickformat": ".0%", "title": {"text": "share", "side": "top"}, "thickness": 14},
            xgap=2,
            ygap=2,
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, side="bottom")
    return figure
