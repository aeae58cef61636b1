"""Forest plot: estimates with intervals in blocks, summaries as diamonds, numbers beside, published values hollow.

One component for every figure of this kind: effects of demographic factors, effects per model family with their pooled
effect, contrasts of an experiment.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures import forest_marks as marks
from plural_core.figures.theme import INK, empty_figure, new_figure

ESTIMATE, SUMMARY = "estimate", "summary"


@dataclass(frozen=True)
class _Look:
    """Sizes that depend on the width: a page, or one column of print and a phone."""

    row: int
    font: float
    label: int
    margin: int
    weight_margin: int


_WIDE = _Look(row=24, font=11.5, label=34, margin=184, weight_margin=54)
_NARROW = _Look(row=19, font=8.5, label=22, margin=130, weight_margin=0)
_HEAD = 96


def forest_figure(
    rows: pd.DataFrame,
    *,
    title: str,
    x: str,
    block: str | None = None,
    label: str = "label",
    estimate: str = "estimate",
    low: str = "ci_low",
    high: str = "ci_high",
    kind: str | None = None,
    weight: str | None = None,
    prediction: tuple[str, str] | None = None,
    published: str | None = None,
    null: float = 0.0,
    limits: tuple[float, float] | None = None,
    digits: int = 1,
    note: str | None = None,
    narrow: bool = False,
) -> go.Figure:
    """Draw a forest plot, the first row on top.

    Parameters
    ----------
    rows : DataFrame
        One row per estimate. A row without an estimate is shown with its `note`. Equal labels keep their own rows.
    title, x : str
        Title, and the title of the value axis with its unit.
    block : str, optional
        Column whose values head blocks of rows; blocks stand in the order of the rows.
    label, estimate, low, high : str
        Columns with the row's name, the estimate and its limits.
    kind : str, optional
        Column that says which rows are a ``summary`` (of a block, or of all): drawn as a diamond as wide as its
        interval. All others are estimates.
    weight : str, optional
        Column with weights in percent (missing for summaries): markers have areas in their proportion, and the weights
        stand beside the numbers.
    prediction : tuple of str, optional
        Columns with the prediction interval of summaries, drawn as a line with end caps through the diamond.
    published : str, optional
        Column with published values (missing where there is none), drawn as hollow diamonds.
    null : float
        Where the line of "no difference" stands.
    limits : tuple of float, optional
        Range of the value axis; an interval that goes further ends in an arrow.
    digits : int
        Decimals of the numbers at the right.
    note : str, optional
        Column with what to write instead of numbers where there is no estimate.
    narrow : bool
        Small type and close rows, for one column of print (85 mm) or a phone.
    """
    if rows.empty:
        return empty_figure(title, "There is nothing to show.")
    look = _NARROW if narrow else _WIDE
    lines = _lines(rows, block)
    positions = [i for i, (_, index) in enumerate(lines) if index is not None]
    data = rows.loc[[index for _, index in lines if index is not None]].reset_index(drop=True)
    is_summary = (
        pd.Series(False, index=data.index) if kind is None else data[kind].eq(SUMMARY).fillna(False).astype(bool)
    )
    ends = prediction or ()
    bounds = limits or _limits(data, (estimate, low, high, published, *ends), null)
    columns = (estimate, low, high)
    figure = new_figure(title, x, height=_HEAD + look.row * (len(lines) + 1) + 40)
    figure.add_vline(x=null, line={"color": INK, "width": 1, "dash": "dash"})
    plain = [i for i in range(len(data)) if not is_summary[i]]
    summaries = [i for i in range(len(data)) if is_summary[i]]
    marks.intervals(figure, data.iloc[plain], [positions[i] for i in plain], columns, bounds)
    marks.points(
        figure,
        data.iloc[plain],
        [positions[i] for i in plain],
        columns,
        bounds,
        label=label,
        weight=weight,
        digits=digits,
        legend=published is not None,
    )
    if prediction is not None:
        marks.predictions(figure, data.iloc[summaries], [positions[i] for i in summaries], prediction, bounds)
    marks.diamonds(
        figure, data.iloc[summaries], [positions[i] for i in summaries], columns, bounds, label=label, digits=digits
    )
    if published is not None:
        marks.hollow(figure, data[published], positions, bounds, digits)
    marks.numbers(
        figure,
        data,
        positions,
        columns,
        digits=digits,
        note=note,
        weight=None if narrow else weight,  # there the markers' sizes alone must say it
        bold=is_summary,
        size=look.font,
        short=narrow,
    )
    names = iter(zip(data[label], is_summary, strict=True))
    ticks = [_tick(text, index, names, look.label) for text, index in lines]
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(lines))),
        ticktext=ticks,
        range=[len(lines) - 0.4, -0.9],
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(range=list(bounds), zeroline=False)
    figure.update_layout(margin={"r": look.margin + (look.weight_margin if weight is not None else 0)})
    if narrow:
        figure.update_layout(font_size=9, title_font_size=11, legend_font_size=8, margin={"l": 4, "t": 70, "b": 84})
        below = -64.0 / (figure.layout.height - 154.0)  # under the axis title: at the top stand title and mark
        figure.update_layout(legend={"yanchor": "top", "y": below}, height=figure.layout.height + 44)
        figure.update_xaxes(nticks=5)
    return figure


def _lines(rows: pd.DataFrame, block: str | None) -> list[tuple[str, object]]:
    """Return what stands on each line: a block's heading (no index), or a row's index."""
    if block is None:
        return [("", index) for index in rows.index]
    lines: list[tuple[str, object]] = []
    for name, part in rows.groupby(block, sort=False):
        if str(name):  # rows of a block without a name, such as the overall summary, stand alone
            lines.append((str(name), None))
        lines += [("", index) for index in part.index]
    return lines


def _limits(data: pd.DataFrame, columns: tuple[str | None, ...], null: float) -> tuple[float, float]:
    values = [v for c in columns if c is not None for v in data[c] if isinstance(v, int | float) and math.isfinite(v)]
    low, high = min([*values, null]), max([*values, null])
    pad = 0.05 * (high - low or 1.0)
    return low - pad, high + pad


def _tick(heading: str, index: object, names: Iterator[tuple[object, bool]], most: int) -> str:
    if index is None:
        return f"<b>{_cut(heading, most)}</b>"
    text, summary = next(names)
    shown = _cut(str(text), most)
    return f"<b>{shown}</b>" if summary else shown


def _cut(text: str, most: int) -> str:
    """Shorten a label so that it leaves room for the plot."""
    return text if len(text) <= most else text[: most - 1] + "…"
