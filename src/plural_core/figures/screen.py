"""Figures on a screen: dark colours, narrow screens, and no title where the page has one already.

Figures are made for paper: light, at full width, complete by themselves. These functions return changed copies.
"""

from __future__ import annotations

import copy
import textwrap
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from plural_core.figures.theme import INK, LINE, OKABE_ITO, SOFT

DARK_PAGE, DARK_INK, DARK_SOFT, DARK_LINE = "#0e1117", "#e6edf3", "#a9b4c0", "#3d444d"
_DARK = {
    INK: DARK_INK,
    SOFT: DARK_SOFT,
    LINE: DARK_LINE,
    "white": DARK_PAGE,
    OKABE_ITO["blue"]: "#3d9be0",
    OKABE_ITO["black"]: "#b6bec8",
    # the mark of simulated data
    "#8a4b00": "#ffd98a",
    "#fff6e0": "#3b2b00",
}
_ROW = 40  # pixels of a row on a narrow screen, with its label above it
_TITLE_LINE = 16  # pixels of a line of an axis title on a narrow screen

_dark_template = copy.deepcopy(pio.templates["plural"])
_dark_template.layout.update(
    font={"color": DARK_INK},
    paper_bgcolor=DARK_PAGE,
    plot_bgcolor=DARK_PAGE,
    hoverlabel={"bgcolor": "#1f2630", "font": {"color": DARK_INK}},
    colorway=[_DARK.get(c, c) for c in _dark_template.layout.colorway],
)
for _axis in (_dark_template.layout.xaxis, _dark_template.layout.yaxis):
    _axis.update(gridcolor="#262d36", linecolor=DARK_LINE, zerolinecolor=DARK_SOFT)
pio.templates["plural_dark"] = _dark_template


def for_screen(figure: go.Figure, *, dark: bool = False, narrow: bool = False, titled: bool = False) -> go.Figure:
    """Return a copy of a figure for a page that has its title as a heading.

    Parameters
    ----------
    figure : Figure
        A figure of this package; it is not changed.
    dark : bool
        Light on dark.
    narrow : bool
        For a phone: labels stand above their rows, legends below, the numbers at the right go (the table has them).
    titled : bool
        Keep the title, for a page that has no heading of its own for the figure.
    """
    raw = figure.to_plotly_json()
    layout = raw["layout"]
    layout.pop("template", None)
    if dark:
        raw = _recoloured(raw)
        layout = raw["layout"]
    layout["template"] = pio.templates["plural_dark" if dark else "plural"]
    top = (layout.get("margin") or {}).get("t", 88)
    if not titled:
        top = _untitled(layout, _has_legend(raw), top)
    if narrow:
        _narrow(raw, top)
    return go.Figure(raw, skip_invalid=False)


def _untitled(layout: dict[str, Any], legend: bool, top: int) -> int:
    """Take the title away with the room that it stood in; return the margin that is left above the plot."""
    if isinstance(layout.get("title"), dict):
        layout["title"] = {**layout["title"], "text": ""}
    # The mark of simulated data, in whatever language.
    marks = [a for a in layout.get("annotations") or () if a.get("bordercolor") == OKABE_ITO["orange"]]
    for mark in marks:
        mark["yshift"] = 28 if legend else 6
    left = 24 + 14 * bool(marks) + 24 * legend
    layout["margin"] = {**(layout.get("margin") or {}), "t": left}
    if layout.get("height"):
        layout["height"] = max(160, layout["height"] - max(0, top - left))
    return left


def _recoloured(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _recoloured(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_recoloured(v) for v in value]
    if hasattr(value, "tolist") and value.dtype.kind in "OU":
        return [_recoloured(v) for v in value.tolist()]
    return _DARK.get(value, value) if isinstance(value, str) else value


def _has_legend(raw: dict[str, Any]) -> bool:
    named = [trace for trace in raw["data"] if trace.get("showlegend") is not False and trace.get("name")]
    return len(named) > 0


def _narrow(raw: dict[str, Any], top: int) -> None:
    """Give the plot the whole width: labels stand above their rows, legends below, the numbers in the table only."""
    layout = raw["layout"]
    _number_bars(raw)
    layout["annotations"] = [a for a in layout.get("annotations") or () if not _beside(a)]
    height = float(layout.get("height") or 360)
    plot = height - top - 48
    for name in [key for key in layout if key.startswith("yaxis")]:
        axis = layout[name]
        axis["title"] = {"text": ""}
        labels, places = axis.get("ticktext"), axis.get("tickvals")
        if labels is not None and places is not None and axis.get("tickmode") == "array":
            layout["annotations"] += [_label(str(t), y, name) for t, y in zip(labels, places, strict=True)]
            axis["showticklabels"] = False
            axis["ticks"] = ""
            low, high = axis.get("range") or (len(labels), -1)
            axis["range"] = [low, high - 0.35]
            plot = max(plot, _ROW * (abs(low - high) + 0.35) * (plot / (height - top - 48)))
    under = 72
    for name in [key for key in layout if key.startswith("xaxis")]:
        title = layout[name].get("title")
        if isinstance(title, dict) and title.get("text"):
            text = _wrapped(str(title["text"]), 40)
            layout[name]["title"] = {**title, "text": text, "font": {"size": 12}}
            under = max(under, 44 + _TITLE_LINE * (text.count("<br>") + 1))
        layout[name]["nticks"] = 5
    named = [t for t in raw["data"] if t.get("name") and t.get("showlegend") is not False]
    below = 22 * len(named) + 16 if named else 0
    for name in [key for key in layout if key.startswith("legend")] or ["legend"]:
        layout[name] = {"orientation": "v", "x": 0, "xanchor": "left", "yanchor": "top", "y": -under / plot}
    layout["height"] = top + plot + under + below
    layout["margin"] = {**(layout.get("margin") or {}), "l": 6, "r": 14, "b": under + below}


def _number_bars(raw: dict[str, Any]) -> None:
    """Give lying bars numbered rows instead of names at their left, a heading above the rows of each block."""
    bars = [t for t in raw["data"] if t.get("type") == "bar" and t.get("orientation") == "h" and t.get("y") is not None]
    if not bars or len(bars) != len(raw["data"]):
        return
    place: dict[tuple[str, ...], int] = {}
    texts: list[str] = []
    for trace in bars:
        names = _row_names(trace["y"])
        for name in names:
            if name in place:
                continue
            if len(name) == 2 and (name[0],) not in place:
                place[(name[0],)] = len(texts)
                texts.append(f"<b>{name[0]}</b>")
            place[name] = len(texts)
            texts.append(name[-1])
        trace["y"] = [place[name] for name in names]
        trace["width"] = 0.5
    raw["layout"]["yaxis"] = {
        **raw["layout"].get("yaxis", {}),
        **{"tickmode": "array", "tickvals": list(range(len(texts))), "ticktext": texts, "autorange": None},
        "range": [len(texts) - 0.4, -0.6],
    }


def _row_names(y: Any) -> list[tuple[str, ...]]:
    values = [v.tolist() if hasattr(v, "tolist") else v for v in (y.tolist() if hasattr(y, "tolist") else y)]
    if len(values) == 2 and all(isinstance(v, list | tuple) for v in values):
        return [(str(a), str(b)) for a, b in zip(*values, strict=True)]
    return [(str(v),) for v in values]


def _beside(annotation: dict[str, Any]) -> bool:
    """Return whether an annotation stands at the right of the plot."""
    return annotation.get("xref") == "paper" and (annotation.get("x") or 0) >= 1 and annotation.get("xanchor") == "left"


def _label(text: str, y: float, axis: str) -> dict[str, Any]:
    """Return a row's label above the row."""
    return {
        "text": text,
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": axis.replace("axis", ""),
        "yanchor": "bottom",
        "yshift": 7,
        "showarrow": False,
        "font": {"size": 12},
    }


def _wrapped(text: str, width: int) -> str:
    return "<br>".join(textwrap.wrap(text, width) or [text])
