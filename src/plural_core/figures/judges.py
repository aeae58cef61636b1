"""Judges beside people: calibration, agreement, and groups of raters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from plural_core.figures.forest import forest_figure
from plural_core.figures.intervals import interval_figure
from plural_core.figures.theme import COLOURS, INK, SYMBOLS, empty_figure

_PANELS_IN_ROW = 3
_READERS = {
    "judge-rater": "judge and rater",
    "rater-rater": "two raters",
    "constant-rater": "always the same level, and rater",
    "judge-mean": "judge and mean of the others",
    "rater-mean": "rater and mean of the others",
}
_MEASURES = {
    "exact": ("Same level", "share of cases with the same level"),
    "within_one": ("Levels at most one apart", "share of cases at most one level apart"),
    "side": ("Same side of the scale", "share of cases on the same side of the scale (agree, neutral, disagree)"),
    "kappa": ("Agreement beyond chance", "Cohen's kappa"),
    "kappa_quadratic": ("Agreement beyond chance", "Cohen's kappa with squared distances as weights"),
    "alpha": ("Agreement of all", "Krippendorff's alpha (ordinal): raters alone, and with the judge as one more"),
    "pearson": ("Correlation with the mean of the other raters", "Pearson's correlation"),
    "spearman": ("Correlation with the mean of the other raters", "Spearman's correlation"),
    "distance": ("Distance from the mean of the other raters", "mean absolute distance on the scale from 0 to 1"),
}
_SHARES = ("exact", "within_one", "side")


def calibration_figure(
    table: pd.DataFrame, labels: Mapping[str, str], title: str = "What people say where a judge gives a score"
) -> go.Figure:
    """Draw mean ratings over mean scores of each bin with intervals, one panel per dimension, and the line of equality.

    Parameters
    ----------
    table : DataFrame
        The ``judge_calibration`` table.
    labels : mapping
        Label of each dimension.
    title : str
        Title of the figure.
    """
    rows = table[table["rating_mean"].notna()]
    if rows.empty:
        return empty_figure(title, "No answer has both a score and a rating.")
    dimensions = [d for d in labels if d in set(rows["dimension"])]
    judges = list(dict.fromkeys(rows["judge"]))
    across = min(_PANELS_IN_ROW, len(dimensions))
    down = -(-len(dimensions) // across)
    figure = make_subplots(
        down,
        across,
        subplot_titles=[labels[d] for d in dimensions],
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=0.16 / down,
    )
    for at, dimension in enumerate(dimensions):
        place = {"row": at // across + 1, "col": at % across + 1}
        figure.add_trace(
            go.Scatter(
                x=[0, 1],
                y=[0, 1],
                mode="lines",
                line={"color": INK, "width": 1, "dash": "dash"},
                name="score and rating are equal",
                legendgroup="equal",
                showlegend=at == 0,
                hoverinfo="skip",
            ),
            **place,
        )
        for number, judge in enumerate(judges):
            part = rows[(rows["dimension"] == dimension) & (rows["judge"] == judge)].sort_values("bin")
            if part.empty:
                continue
            shown = judge not in set(rows.loc[rows["dimension"].isin(dimensions[:at]), "judge"])
            figure.add_trace(_bins(part, str(judge), number, legend=shown), **place)
    figure.update_layout(template="plural", title_text=title, height=150 + 290 * down, margin={"t": 110})
    limits = _limits(rows)
    axis = {"range": limits, "tickformat": ".2~f", "dtick": 0.25 if limits[1] - limits[0] > 0.7 else 0.1}
    figure.update_xaxes(showticklabels=True, **axis)
    figure.update_yaxes(**axis)
    for column in range(1, across + 1):
        figure.update_xaxes(title_text="judge's score", row=down, col=column)
    for row in range(1, down + 1):
        figure.update_yaxes(title_text="mean rating, 0 to 1", row=row, col=1)
    for note in figure.layout.annotations:
        note.update(font={"size": 13, "color": INK})
    # Above the panels' titles.
    figure.update_layout(legend={"y": 1.0 + 26 / (figure.layout.height - 158)})
    return figure


def _limits(rows: pd.DataFrame) -> list[float]:
    """Return the range of both axes: all that is drawn, but no less than 0.4 of the scale."""
    drawn = rows[["score_mean", "rating_mean", "ci_low", "ci_high"]].to_numpy(dtype=float)
    low, high = float(np.nanmin(drawn)) - 0.04, float(np.nanmax(drawn)) + 0.04
    more = max(0.0, 0.4 - (high - low)) / 2
    low, high = max(low - more, -0.02), min(high + more, 1.02)
    return [low, high]


def _bins(part: pd.DataFrame, judge: str, number: int, legend: bool) -> go.Scatter:
    colour = COLOURS[number % len(COLOURS)]
    return go.Scatter(
        x=part["score_mean"],
        y=part["rating_mean"],
        mode="markers",
        name=judge,
        legendgroup=judge,
        showlegend=legend,
        marker={
            "color": colour,
            "symbol": SYMBOLS[number % len(SYMBOLS)],
            "size": 8,
            "line": {"color": INK, "width": 0.5},
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": (part["ci_high"] - part["rating_mean"]).fillna(0).clip(lower=0),
            "arrayminus": (part["rating_mean"] - part["ci_low"]).fillna(0).clip(lower=0),
            "color": colour,
            "thickness": 2,
            "width": 3,
        },
        customdata=part[["n_items", "n_ratings", "ci_low", "ci_high"]],
        hovertemplate=(
            f"{judge}<br>score %{{x:.2f}}, rating %{{y:.2f}} (%{{customdata[2]:.2f}} to %{{customdata[3]:.2f}})"
            "<br>%{customdata[0]:,} answers, %{customdata[1]:,} ratings<extra></extra>"
        ),
    )


def judge_agreement_figure(
    table: pd.DataFrame, labels: Mapping[str, str], measure: str = "side", title: str = ""
) -> go.Figure:
    """Draw a measure of judge and people beside the same measure of people alone, a row per dimension and judge.

    Parameters
    ----------
    table : DataFrame
        The ``judge_agreement`` table.
    labels : mapping
        Label of each dimension.
    measure : str
        Any measure that has both comparisons, as ``side``, ``kappa_quadratic`` or ``pearson``.
    title : str
        Title of the figure (default: the measure's).
    """
    name, axis = _MEASURES.get(measure, (measure, measure))
    rows = table[(table["measure"] == measure) & table["comparison"].isin(_READERS)]
    order = {d: i for i, d in enumerate(labels)}
    several = len(set(rows["judge"])) > 1
    rows = rows.assign(
        who=[_READERS[c] for c in rows["comparison"]],
        place=[order.get(d, len(order)) for d in rows["dimension"]],
        row=[
            f"{labels.get(d, d)} · {j}" if several else labels.get(d, d)
            for d, j in zip(rows["dimension"], rows["judge"], strict=True)
        ],
    ).sort_values("place", kind="stable")
    return interval_figure(
        rows,
        label="row",
        group="who",
        n="n_ratings",
        title=title or f"{name}: judge and people, beside people alone",
        x=axis,
        percent=measure in _SHARES,
    )


def judge_groups_figure(
    table: pd.DataFrame, labels: Mapping[str, str], *, judge: str, dimension: str, title: str = ""
) -> go.Figure:
    """Draw how far a judge's scores lie above or below the ratings of each group, in blocks of one factor.

    Parameters
    ----------
    table : DataFrame
        The ``judge_groups`` table.
    labels : mapping
        Label of each dimension.
    judge, dimension : str
        Whose scores, of what.
    title : str
        Title of the figure.
    """
    rows = table[(table["judge"] == judge) & (table["dimension"] == dimension)]
    return forest_figure(
        rows.assign(block=[_words(f) for f in rows["factor"]], short=_short(rows["note"])).reset_index(drop=True),
        title=title or f"{labels.get(dimension, dimension)}: '{judge}' beside each group's ratings",
        x="score less the group's mean rating, on the scale from 0 to 1",
        block="block",
        label="level",
        estimate="difference",
        low="difference_low",
        high="difference_high",
        digits=3,
        note="short",
    )


def judge_contrasts_figure(
    table: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    judge: str,
    dimension: str,
    value: str = "agreement",
    title: str = "",
) -> go.Figure:
    """Draw for every two groups to which of them a judge is closer, on the answers that both rated.

    Parameters
    ----------
    table : DataFrame
        The ``judge_group_contrasts`` table.
    labels : mapping
        Label of each dimension.
    judge, dimension : str
        Whose scores, of what.
    value : {'agreement', 'closer'}
        Difference in agreement on the side of the scale, or in squared distance.
    title : str
        Title of the figure.
    """
    rows = table[(table["judge"] == judge) & (table["dimension"] == dimension)]
    estimate = "agreement_gap" if value == "agreement" else "closer"
    axis = (
        "agreement on the side of the scale (right: more with the first group)"
        if value == "agreement"
        else "difference of squared distances (right: closer to the first group)"
    )
    return forest_figure(
        rows.assign(
            block=[_words(f) for f in rows["factor"]],
            short=_short(rows["note"]),
            pair=[f"{_plain(a)} − {_plain(b)}" for a, b in zip(rows["level_a"], rows["level_b"], strict=True)],
        ).reset_index(drop=True),
        title=title or f"{labels.get(dimension, dimension)}: with which of two groups does '{judge}' side?",
        x=axis,
        block="block",
        label="pair",
        estimate=estimate,
        low=f"{value}_low",
        high=f"{value}_high",
        digits=3,
        note="short",
    )


def _words(name: str) -> str:
    return str(name).replace("_", " ")


def _plain(level: str) -> str:
    """Return a level's name without how small the levels were that it holds."""
    return str(level).split(" (fewer than")[0]


def _short(notes: pd.Series) -> list[str]:
    """Return notes without their reasons, which the table has."""
    return [str(note).removeprefix("closer is ").split(":")[0] for note in notes]
