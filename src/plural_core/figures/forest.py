"""Forest plot: estimates with intervals in blocks, numbers at the right, published values as hollow markers."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from plural_core.figures.theme import INK, OKABE_ITO, SOFT, empty_figure, new_figure

_ROW = 24
_HEAD = 96
_MOST_LABEL = 34


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
    published: str | None = None,
    null: float = 0.0,
    limits: tuple[float, float] | None = None,
    digits: int = 1,
    note: str | None = None,
) -> go.Figure:
    """Draw a forest plot, the first row on top.

    Parameters
    ----------
    rows : DataFrame
        One row per estimate. A row without an estimate is shown with its `note`.
    title, x : str
        Title, and the title of the value axis with its unit.
    block : str, optional
        Column whose values head blocks of rows.
    label, estimate, low, high : str
        Columns with the row's name, the estimate and its limits. Equal labels keep their own rows.
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
    """
    if rows.empty:
        return empty_figure(title, "There is nothing to show.")
    lines = _lines(rows, block)
    positions = [i for i, (_, index) in enumerate(lines) if index is not None]
    data = rows.loc[[index for _, index in lines if index is not None]]
    bounds = limits or _limits(data, (estimate, low, high, published), null)
    figure = new_figure(title, x, height=_HEAD + _ROW * (len(lines) + 1) + 40)
    figure.add_vline(x=null, line={"color": INK, "width": 1, "dash": "dash"})
    _intervals(figure, data, positions, (estimate, low, high), bounds)
    figure.add_trace(
        go.Scatter(
            x=data[estimate].clip(*bounds),
            y=positions,
            mode="markers",
            name="this study",
            marker={
                "symbol": [_symbol(v, bounds) for v in data[estimate]],
                "size": 9,
                "color": OKABE_ITO["blue"],
                "line": {"color": INK, "width": 0.5},
            },
            text=[str(v) for v in data[label]],
            customdata=data[[estimate, low, high]],
            hovertemplate=(
                f"%{{text}}<br>%{{customdata[0]:.{digits}f}} "
                f"(%{{customdata[1]:.{digits}f}} to %{{customdata[2]:.{digits}f}})<extra></extra>"
            ),
            showlegend=published is not None,
        )
    )
    if published is not None:
        values = data[published]
        figure.add_trace(
            go.Scatter(
                x=values.clip(*bounds),
                y=positions,
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
    _numbers(figure, data, positions, (estimate, low, high), digits, note)
    names = iter(data[label])
    ticks = [f"<b>{_cut(text)}</b>" if index is None else _cut(str(next(names))) for text, index in lines]
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(lines))),
        ticktext=ticks,
        range=[len(lines) - 0.4, -0.9],
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(range=list(bounds), zeroline=False)
    figure.update_layout(margin={"r": 170})
    return figure


def _lines(rows: pd.DataFrame, block: str | None) -> list[tuple[str, object]]:
    """Return what stands on each line: a block's heading (no index), or a row's index."""
    if block is None:
        return [("", index) for index in rows.index]
    lines: list[tuple[str, object]] = []
    for name, part in rows.groupby(block, sort=False):
        lines.append((str(name), None))
        lines += [("", index) for index in part.index]
    return lines


def _limits(data: pd.DataFrame, columns: tuple[str | None, ...], null: float) -> tuple[float, float]:
    values = [v for c in columns if c is not None for v in data[c] if isinstance(v, int | float) and math.isfinite(v)]
    low, high = min([*values, null]), max([*values, null])
    pad = 0.05 * (high - low or 1.0)
    return low - pad, high + pad


def _intervals(
    figure: go.Figure,
    data: pd.DataFrame,
    positions: list[int],
    columns: tuple[str, str, str],
    bounds: tuple[float, float],
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
                    hovertext="the interval goes further",
                    hoverinfo="text",
                    showlegend=False,
                )
            )


def _numbers(
    figure: go.Figure,
    data: pd.DataFrame,
    positions: list[int],
    columns: tuple[str, str, str],
    digits: int,
    note: str | None,
) -> None:
    """Write estimate and interval at the right of each row."""
    for y, (_, row) in zip(positions, data.iterrows(), strict=True):
        value, a, b = (row[c] for c in columns)
        if pd.isna(value):
            text = str(row[note]) if note is not None else "not estimable"
        else:
            text = f"{value:.{digits}f} ({a:.{digits}f} to {b:.{digits}f})".replace("-", "−")
        figure.add_annotation(
            text=text,
            xref="paper",
            x=1.01,
            xanchor="left",
            y=y,
            yref="y",
            showarrow=False,
            font={"size": 11.5, "color": INK if pd.notna(value) else SOFT},
        )


def _symbol(value: float, bounds: tuple[float, float]) -> str:
    """Return a square, or for an estimate beyond the axis an arrow head that points to it."""
    return "arrow-bar-left" if value < bounds[0] else "arrow-bar-right" if value > bounds[1] else "square"


def _cut(text: str) -> str:
    """Shorten a label so that it leaves room for the plot."""
    return text if len(text) <= _MOST_LABEL else text[: _MOST_LABEL - 1] + "…"
