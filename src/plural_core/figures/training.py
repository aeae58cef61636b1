"""Training curves: one small panel per condition, so that many runs stay readable."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from plural_core.figures.theme import INK, OKABE_ITO, SOFT, empty_figure

METRICS = {
    "reward_accuracy": ("reward accuracy", OKABE_ITO["blue"]),
    "reward": ("mean reward", OKABE_ITO["vermillion"]),
    "loss": ("loss", OKABE_ITO["green"]),
}
"""Metrics in readers' words, and their colour; of the first two, the first that a condition has is drawn."""
_COLUMNS = 4
_PANEL, _GAP, _HEAD, _TOP, _BOTTOM = 92, 52, 30, 84, 72  # pixels
_MOST_TITLE = 32
_MOST_POINTS = 300


def training_figure(metrics: pd.DataFrame, *, title: str, metric: str | None = None) -> go.Figure:
    """Draw how training went, one panel per condition, over its updates.

    A thin line is each update's value, a thick one the running mean over a tenth of the updates; several runs of a
    condition (seeds) share its panel. All panels of a metric have the same vertical axis; the horizontal one ends
    with the condition's last update, whose number it shows.

    Parameters
    ----------
    metrics : DataFrame
        condition, run_id, step, and a column per metric: `reward_accuracy` (DPO), `reward` (GRPO), `loss`. Conditions
        from the left and the top in the order of the rows.
    title : str
        Title.
    metric : str, optional
        The metric to draw (default: reward accuracy where a condition has it, else mean reward).
    """
    wanted = [metric] if metric else [name for name in METRICS if name != "loss"]
    shown = {
        str(condition): (name, part)
        for condition, part in metrics.groupby("condition", sort=False)
        if (name := next((m for m in wanted if m in part and part[m].notna().any()), None)) is not None
    }
    if not shown:
        return empty_figure(title, "No run has been trained here.")
    ranges = {name: _range(name, [part for m, part in shown.values() if m == name]) for name, _ in shown.values()}
    columns = min(_COLUMNS, len(shown))
    n_rows = math.ceil(len(shown) / columns)
    height = _TOP + _HEAD + _BOTTOM + _PANEL * n_rows + _GAP * (n_rows - 1)
    figure = make_subplots(
        rows=n_rows,
        cols=columns,
        subplot_titles=[_cut(condition) for condition in shown],
        vertical_spacing=_GAP / (height - _TOP - _BOTTOM) if n_rows > 1 else 0.0,
        horizontal_spacing=0.045,
    )
    named: set[str] = set()
    traces: list[go.Scatter] = []
    places: list[int] = []
    for number, (condition, (name, part)) in enumerate(shown.items()):
        for _, run in part.groupby("run_id", sort=False):
            traces += _curves(run[run[name].notna()].sort_values("step"), condition, name, name not in named)
            named.add(name)
        places += [number] * (len(traces) - len(places))
        axis = "" if number == 0 else str(number + 1)
        last = int(part["step"].max())
        pad = 0.03 * max(last - 1, 1)
        ticks = [1, last] if last > 1 else [1]
        figure.layout[f"xaxis{axis}"].update(
            range=[1 - pad, last + pad], tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks]
        )
        figure.layout[f"yaxis{axis}"].update(range=list(ranges[name]), nticks=4)
    figure.add_traces(traces, rows=[k // columns + 1 for k in places], cols=[k % columns + 1 for k in places])
    figure.update_layout(
        shapes=[_chance(number) for number, (name, _) in enumerate(shown.values()) if name == "reward_accuracy"]
    )
    _finish(figure, title, height, "reward_accuracy" in named)
    return figure


def _curves(run: pd.DataFrame, condition: str, name: str, named: bool) -> list[go.Scatter]:
    """Return the curves of a run: each update, and the running mean."""
    words, colour = METRICS.get(name, (name.replace("_", " "), OKABE_ITO["purple"]))
    # A long training has more updates than a small panel has pixels.
    step = max(1, math.ceil(len(run) / _MOST_POINTS))
    smooth = run[name].rolling(max(1, len(run) // 10), center=True, min_periods=1).mean()
    x = run["step"].to_numpy()[::step]
    few = len(run) <= 3
    return [
        go.Scatter(
            x=x,
            y=run[name].to_numpy()[::step],
            mode="lines",
            line={"color": colour, "width": 1},
            opacity=0.35,
            showlegend=False,
            hoverinfo="skip",
        ),
        go.Scatter(
            x=x,
            y=smooth.to_numpy()[::step],
            mode="lines+markers" if few else "lines",
            name=words,
            legendgroup=name,
            showlegend=named,
            line={"color": colour, "width": 2},
            marker={"size": 6},
            hovertemplate=f"{condition}<br>update %{{x:,}}: {words} %{{y:.3f}}<extra></extra>",
        ),
    ]


def _chance(panel: int) -> dict[str, object]:
    """Return the line of a model that orders pairs by chance."""
    axis = "" if panel == 0 else str(panel + 1)
    line = {"color": SOFT, "width": 1, "dash": "dot"}
    return {
        "type": "line",
        "xref": f"x{axis} domain",
        "yref": f"y{axis}",
        "x0": 0,
        "x1": 1,
        "y0": 0.5,
        "y1": 0.5,
        "line": line,
    }


def _range(name: str, parts: list[pd.DataFrame]) -> tuple[float, float]:
    """Return the vertical axis that all panels of a metric share."""
    if name == "reward_accuracy":
        return 0.0, 1.05
    values = np.concatenate([part[name].to_numpy(dtype=float) for part in parts])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if name == "reward" and low >= 0.0:
        return 0.0, 1.05 * max(1.0, high)
    pad = 0.05 * (high - low or 1.0)
    return low - pad, high + pad


def _finish(figure: go.Figure, title: str, height: int, chance: bool) -> None:
    """Set the layout; panels go down by a head's height, so that titles leave the top line to legend and marks."""
    figure.update_annotations(font_size=11.5)
    factor = 1 - _HEAD / (height - _TOP - _BOTTOM)
    for axis in figure.select_yaxes():
        axis.domain = [factor * v for v in axis.domain]
    for annotation in figure.layout.annotations:
        annotation.y *= factor
    note = "thin: each update; thick: running mean over a tenth of the updates"
    figure.add_annotation(
        text=note + ("; broken line: chance" if chance else ""), xref="paper", yref="paper", x=0, y=0, yshift=-44,
        xanchor="left", yanchor="top", showarrow=False, font={"size": 12, "color": SOFT},
    )  # fmt: skip
    figure.update_xaxes(showgrid=False, zeroline=False, tickfont={"size": 10.5}, ticklen=3)
    figure.update_yaxes(zeroline=False, tickfont={"size": 10.5})
    figure.add_annotation(
        text="updates", xref="paper", yref="paper", x=1, y=0, yshift=-22, xanchor="right", yanchor="top",
        showarrow=False, font={"size": 12, "color": INK},
    )  # fmt: skip
    figure.update_layout(
        template="plural",
        title={"text": title, "y": 1 - 24 / height, "yanchor": "middle"},
        height=height,
        margin={"t": _TOP, "b": _BOTTOM, "l": 10, "r": 20},
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TITLE else text[: _MOST_TITLE - 1] + "…"
