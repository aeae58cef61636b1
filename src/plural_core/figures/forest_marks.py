"""The marks of a forest plot: intervals with arrows, weighted squares, diamonds, prediction lines, numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.theme import INK, OKABE_ITO, SOFT

Columns = tuple[str, str, str]
Bounds = tuple[float, float]
_LEAST, _LARGEST, _PLAIN = 6.0, 16.0, 9.0
_HALF = 0.32


def intervals(
    figure: go.Figure, data: pd.DataFrame, positions: Sequence[int], columns: Columns, bounds: Bounds
) -> None:
    """Draw each interval as a line; an end beyond the axis becomes an arrow head."""
    _, low, high = columns
    lines_x: list[float | None] = []
    lines_y: list[float | None] = []
    arrows: dict[str, tuple[list[float], list[int]]] = {"triangle-left": ([], []), "triangle-right": ([], [])}
    for y, a, b in zip(positions, data[low], data[high], strict=True):
        if pd.isna(a) or pd.isna(b):
            continue
        lines_x += [min(max(a, bounds[0]), bounds[1]), max(min(b, bounds[1]), bounds[0]), None]
        lines_y += [y, y, None]
        if a < bounds[0]:
            arrows["triangle-left"][0].append(bounds[0])
            arrows["triangle-left"][1].append(y)
        if b > bounds[1]:
            arrows["triangle-right"][0].append(bounds[1])
            arrows["triangle-right"][1].append(y)
    figure.add_trace(
        go.Scatter(
            x=lines_x, y=lines_y, mode="lines", line={"color": INK, "width": 1.5}, hoverinfo="skip", showlegend=False
        )
    )
    for symbol, (xs, ys) in arrows.items():
        if xs:
            figure.add_trace(
                go.Scatter(
                    x=xs,
                    y=ys,
                    mode="markers",
                    marker={"symbol": symbol, "size": 9, "color": INK},
                    cliponaxis=False,  # it stands at the edge, and would be cut in half
                    hovertext="the interval goes further",
                    hoverinfo="text",
                    showlegend=False,
                )
            )


def points(
    figure: go.Figure,
    data: pd.DataFrame,
    positions: Sequence[int],
    columns: Columns,
    bounds: Bounds,
    *,
    label: str,
    weight: str | None,
    digits: int,
    legend: bool,
) -> None:
    """Draw the estimates as squares, their areas in proportion to the weights where there are any."""
    estimate = columns[0]
    sizes: float | list[float] = _PLAIN
    if weight is not None and len(data):
        sizes = [_size(w, float(data[weight].max())) for w in data[weight]]
    figure.add_trace(
        go.Scatter(
            x=data[estimate].clip(*bounds),
            y=list(positions),
            mode="markers",
            name="this study",
            marker={
                "symbol": [_symbol(v, bounds) for v in data[estimate]],
                "size": sizes,
                "color": OKABE_ITO["blue"],
                "line": {"color": INK, "width": 0.5},
            },
            text=[str(v) for v in data[label]],
            customdata=data[list(columns)],
            hovertemplate=_hover(digits),
            showlegend=legend,
        )
    )


def diamonds(
    figure: go.Figure,
    data: pd.DataFrame,
    positions: Sequence[int],
    columns: Columns,
    bounds: Bounds,
    *,
    label: str,
    digits: int,
) -> None:
    """Draw summaries as diamonds as wide as their interval."""
    estimate, low, high = columns
    for y, (_, row) in zip(positions, data.iterrows(), strict=True):
        middle, a, b = (float(row[c]) if pd.notna(row[c]) else math.nan for c in (estimate, low, high))
        if not math.isfinite(middle):
            continue
        a, b = (min(max(v, bounds[0]), bounds[1]) if math.isfinite(v) else middle for v in (a, b))
        middle = min(max(middle, bounds[0]), bounds[1])
        figure.add_trace(
            go.Scatter(
                x=[a, middle, b, middle, a],
                y=[y, y - _HALF, y, y + _HALF, y],
                mode="lines",
                fill="toself",
                fillcolor=OKABE_ITO["vermillion"],
                line={"color": INK, "width": 1},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    if len(data):  # the polygon has no hover of its own
        figure.add_trace(
            go.Scatter(
                x=data[estimate].clip(*bounds),
                y=list(positions),
                mode="markers",
                marker={"symbol": "diamond", "size": 6, "color": OKABE_ITO["vermillion"]},
                text=[str(v) for v in data[label]],
                customdata=data[list(columns)],
                hovertemplate=_hover(digits),
                showlegend=False,
            )
        )


def predictions(
    figure: go.Figure, data: pd.DataFrame, positions: Sequence[int], ends: tuple[str, str], bounds: Bounds
) -> None:
    """Draw prediction intervals as lines with end caps; an end beyond the axis has no cap."""
    for y, (_, row) in zip(positions, data.iterrows(), strict=True):
        a, b = (float(row[c]) if pd.notna(row[c]) else math.nan for c in ends)
        if not (math.isfinite(a) and math.isfinite(b)):
            continue
        xs: list[float | None] = [max(a, bounds[0]), min(b, bounds[1]), None]
        ys: list[float | None] = [y, y, None]
        for value in (a, b):
            if bounds[0] <= value <= bounds[1]:
                xs += [value, value, None]
                ys += [y - 0.2, y + 0.2, None]
        figure.add_trace(
            go.Scatter(
                x=xs,
                y=ys,
                mode="lines",
                line={"color": OKABE_ITO["vermillion"], "width": 2},
                name="prediction interval",
                legendgroup="prediction",
                hovertext="prediction interval: where another family's effect may lie",
                hoverinfo="text",
                showlegend=False,
            )
        )


def hollow(figure: go.Figure, values: pd.Series, positions: Sequence[int], bounds: Bounds, digits: int) -> None:
    """Draw published values as hollow diamonds."""
    figure.add_trace(
        go.Scatter(
            x=values.clip(*bounds),
            y=list(positions),
            mode="markers",
            name="published (other people, other models)",
            marker={
                "symbol": "diamond-open",
                "size": 12,
                "color": OKABE_ITO["vermillion"],
                "line": {"width": 2, "color": OKABE_ITO["vermillion"]},
            },
            customdata=values,
            hovertemplate=f"published: %{{customdata:.{digits}f}}<extra></extra>",
        )
    )


def numbers(
    figure: go.Figure,
    data: pd.DataFrame,
    positions: Sequence[int],
    columns: Columns,
    *,
    digits: int,
    note: str | None,
    weight: str | None,
    bold: pd.Series,
    size: float,
    short: bool = False,
) -> None:
    """Write estimate, interval and weight at the right of each row."""
    between = ", " if short else " to "
    first = 0.0
    texts: list[dict[str, object]] = []
    if weight is not None:
        first = size * 4.6
        texts.append(_text("weight", -0.75, 4.0, {"size": size, "color": SOFT}))
    for y, is_bold, (_, row) in zip(positions, bold, data.iterrows(), strict=True):
        value, a, b = (row[c] for c in columns)
        if pd.isna(value):
            text = str(row[note]) if note is not None else "not estimable"
        elif pd.isna(a) or pd.isna(b):
            text = f"{value:z.{digits}f}"
        else:
            text = f"{value:z.{digits}f} ({a:z.{digits}f}{between}{b:z.{digits}f})"
        font = {"size": size, "color": INK if pd.notna(value) else SOFT}
        shown = text.replace("-", "−") if pd.notna(value) else text
        texts.append(_text(f"<b>{shown}</b>" if is_bold else shown, y, first + 4.0, font))
        if weight is not None and pd.notna(row[weight]):
            texts.append(_text(f"{row[weight]:.0f} %", y, 4.0, font))
    # All at once: plotly checks every earlier annotation again whenever one is added.
    figure.layout.annotations = [*figure.layout.annotations, *texts]


def _text(text: str, y: float, shift: float, font: dict[str, object]) -> dict[str, object]:
    return {
        "text": text,
        "xref": "paper",
        "x": 1.0,
        "xanchor": "left",
        "xshift": shift,
        "y": y,
        "yref": "y",
        "showarrow": False,
        "font": font,
    }


def _hover(digits: int) -> str:
    return (
        f"%{{text}}<br>%{{customdata[0]:.{digits}f}} "
        f"(%{{customdata[1]:.{digits}f}} to %{{customdata[2]:.{digits}f}})<extra></extra>"
    )


def _size(weight: float, largest: float) -> float:
    """Return a marker's size in pixels: its area goes with the weight."""
    if not (pd.notna(weight) and largest > 0.0):
        return _LEAST
    return max(_LEAST, _LARGEST * math.sqrt(float(weight) / largest))


def _symbol(value: float, bounds: Bounds) -> str:
    """Return a square, or for an estimate beyond the axis an arrow head that points to it."""
    return "arrow-bar-left" if value < bounds[0] else "arrow-bar-right" if value > bounds[1] else "square"
