"""The prompt topics on which two groups' ratings differ most."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.forest import forest_figure
from plural_core.figures.theme import empty_figure


def topics_figure(
    differences: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    most: int = 12,
    title: str = "Topics on which two groups differ most",
) -> go.Figure:
    """Draw the largest differences of mean ratings between two groups on a topic, in blocks of two groups.

    Parameters
    ----------
    differences : DataFrame
        The ``topic_differences`` table.
    labels : mapping
        Label of each dimension.
    most : int
        How many differences are drawn.
    title : str
        Title of the figure.
    """
    if differences.empty:
        return empty_figure(title, "No topic was rated by enough people of two groups.")
    order = differences["difference"].abs().sort_values(ascending=False, kind="stable").index[:most]
    rows = differences.loc[order]
    rows = rows.assign(
        block=[f"{a} − {b}" for a, b in zip(rows["level_a"], rows["level_b"], strict=True)],
        row_label=[f"{labels[d]}: {topic}" for d, topic in zip(rows["dimension"], rows["label"], strict=True)],
    )
    return forest_figure(
        rows,
        title=title,
        x="difference of mean ratings, in levels, with 95 % interval",
        block="block",
        label="row_label",
        estimate="difference",
        digits=2,
    )
