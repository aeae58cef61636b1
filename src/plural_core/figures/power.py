"""Power curves: power against the number of raters, one panel per contrast, one line per change in odds."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from plural_core.figures.theme import COLOURS, INK, SOFT, SYMBOLS, empty_figure

_COLUMNS = 3
_PANEL, _HEAD, _TOP, _BOTTOM = 190, 30, 84, 92  # pixels
_MOST_TICKS, _MOST_TITLE = 5, 40
_DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"]


def power_figure(
    table: pd.DataFrame, *, target: float = 0.8, participants: int | None = None, title: str = "Power"
) -> go.Figure:
    """Draw power curves, the number of raters on a logarithmic axis.

    Parameters
    ----------
    table : DataFrame
        Rows of one dimension of the ``power`` table. Method ``information`` is drawn as lines; where method
        ``simulation`` is there, as points with their intervals.
    target : float
        Power that is wanted, a dashed line.
    participants : int, optional
        Number of raters of the study itself, a dotted line.
    title : str
        Title of the figure.
    """
    rows = table[table["power"].notna()]
    if rows.empty:
        return empty_figure(title, "No effect can be estimated here.")
    contrasts = list(dict.fromkeys(rows["contrast"]))
    changes = sorted(set(rows["percent_change"]), key=lambda v: -abs(math.log1p(v / 100)))
    n_rows = math.ceil(len(contrasts) / _COLUMNS)
    columns = min(_COLUMNS, len(contrasts))
    height = _TOP + _HEAD + _BOTTOM + _PANEL * n_rows
    figure = make_subplots(
        rows=n_rows,
        cols=columns,
        subplot_titles=[c if len(c) <= _MOST_TITLE else c[: _MOST_TITLE - 1] + "…" for c in contrasts],
        shared_xaxes=True,
        shared_yaxes=True,
        vertical_spacing=min(46 / height, 0.9 / max(n_rows - 1, 1)),
        horizontal_spacing=0.03,
    )
    simulated = bool((rows["method"] == "simulation").any())
    traces: list[go.Scatter] = []
    places: list[int] = []
    shapes: list[dict[str, object]] = []
    for number, contrast in enumerate(contrasts):
        for i, change in enumerate(changes):
            part = rows[(rows["contrast"] == contrast) & (rows["percent_change"] == change)].sort_values("participants")
            lines, points = (part[part["method"] == m] for m in ("information", "simulation"))
            traces.append(_line(lines, i, change, not simulated, number == 0))
            if len(points):
                traces.append(_points(points, i, change))
        places += [number] * (len(traces) - len(places))
        shapes += _guides(number, target, participants)
    figure.add_traces(traces, rows=[k // columns + 1 for k in places], cols=[k % columns + 1 for k in places])
    figure.update_layout(shapes=shapes)
    low, high = rows["participants"].min(), rows["participants"].max()
    figure.update_xaxes(
        type="log",
        tickangle=0,
        range=[math.log10(low / 1.08), math.log10(high * 1.08)],
        tickmode="array",
        tickvals=(ticks := _ticks(low, high)),
        ticktext=[f"{t:,}" for t in ticks],
    )
    for column in range(1, columns + 1):
        last = max(k for k in range(len(contrasts)) if k % columns == column - 1) // columns + 1
        figure.update_xaxes(title_text="raters", showticklabels=True, title_standoff=4, row=last, col=column)
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%", tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1])
    figure.update_yaxes(title_text="power", col=1)
    figure.update_annotations(font_size=12)
    _lower(figure, 1 - _HEAD / (height - _TOP - _BOTTOM))
    note = f"dashed: {target:.0%} power" + ("" if participants is None else f"; dotted: this study, {participants:,}")
    figure.add_annotation(
        text=note.replace("%", " %"), xref="paper", yref="paper", x=0, y=0, yshift=-62, xanchor="left",
        yanchor="top", showarrow=False, font={"size": 12, "color": SOFT},
    )  # fmt: skip
    figure.update_layout(
        template="plural",
        title={"text": title, "y": 1 - 24 / height, "yanchor": "middle"},
        height=height,
        margin={"t": _TOP, "b": _BOTTOM},
    )
    return figure


def _lower(figure: go.Figure, factor: float) -> None:
    """Take the panels down by a head's height: their titles leave the top line to the legend and to marks."""
    for axis in figure.select_yaxes():
        axis.domain = [factor * v for v in axis.domain]
    for annotation in figure.layout.annotations:
        annotation.y *= factor


def _guides(panel: int, target: float, participants: int | None) -> list[dict[str, object]]:
    """Return the lines of the wanted power and of the study's own size in a panel."""
    axis = "" if panel == 0 else str(panel + 1)
    across: dict[str, object] = {"type": "line", "xref": f"x{axis} domain", "yref": f"y{axis}", "x0": 0, "x1": 1}
    upright: dict[str, object] = {"type": "line", "xref": f"x{axis}", "yref": f"y{axis} domain", "y0": 0, "y1": 1}
    guides = [{**across, "y0": target, "y1": target, "line": {"color": INK, "width": 1, "dash": "dash"}}]
    if participants is not None:
        line = {"color": SOFT, "width": 1.5, "dash": "dot"}
        guides.append({**upright, "x0": participants, "x1": participants, "line": line})
    return guides


def _line(part: pd.DataFrame, i: int, change: float, markers: bool, named: bool) -> go.Scatter:
    return go.Scatter(
        x=part["participants"],
        y=part["power"],
        mode="lines+markers" if markers else "lines",
        name=_change(change),
        legendgroup=str(change),
        showlegend=named,
        line={"color": COLOURS[i % len(COLOURS)], "width": 2, "dash": _DASHES[i % len(_DASHES)]},
        marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 6, "line": {"color": INK, "width": 0.5}},
        hovertemplate=f"{_change(change)} in odds<br>%{{x:,}} raters: %{{y:.0%}}<extra></extra>",
    )


def _points(part: pd.DataFrame, i: int, change: float) -> go.Scatter:
    return go.Scatter(
        x=part["participants"],
        y=part["power"],
        mode="markers",
        name=f"{_change(change)}, simulated",
        legendgroup=str(change),
        showlegend=False,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": part["ci_high"] - part["power"],
            "arrayminus": part["power"] - part["ci_low"],
            "color": COLOURS[i % len(COLOURS)],
            "thickness": 1.5,
            "width": 3,
        },
        marker={
            "color": COLOURS[i % len(COLOURS)],
            "symbol": SYMBOLS[i % len(SYMBOLS)],
            "size": 7,
            "line": {"color": INK, "width": 0.5},
        },
        hovertemplate=f"{_change(change)} in odds, simulated<br>%{{x:,}} raters: %{{y:.0%}}<extra></extra>",
    )


def _change(percent: float) -> str:
    return f"{percent:+g} %".replace("-", "−")


def _ticks(low: int, high: int) -> list[int]:
    """Return a few round numbers that lie on the axis, each about twice the one before, or about four times."""
    candidates = [m * 10**e for e in range(1, 7) for m in (1, 2, 5)]
    ticks = [t for t in candidates if low <= t <= high] or [int(low), int(high)]
    return ticks if len(ticks) <= _MOST_TICKS else ticks[-1 :: -math.ceil(len(ticks) / _MOST_TICKS)][::-1]
