"""What group membership explains of the differences between raters of the same item."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.intervals import interval_figure


def between_figure(
    table: pd.DataFrame,
    labels: Mapping[str, str],
    title: str = "What group membership explains of the differences between raters",
) -> go.Figure:
    """Draw for each factor and dimension the share of squared differences that goes with the groups.

    Parameters
    ----------
    table : DataFrame
        The ``between_groups`` table; its rows for whole factors are drawn.
    labels : mapping
        Label of each dimension.
    title : str
        Title of the figure.
    """
    rows = table[(table["level_a"] == "all") & table["share"].notna()]
    rows = rows.assign(
        label=[str(f).replace("_", " ") for f in rows["factor"]],
        dimension_label=[labels.get(d, d) for d in rows["dimension"]],
    )
    return interval_figure(
        rows,
        label="label",
        estimate="share",
        group="dimension_label",
        n="n_items",
        title=title,
        x="share of squared rating differences, with 95 % interval",
        null=0.0,
        percent=True,
    )
