"""One look for every figure: Okabe-Ito colours, told apart by shape as well, so that greyscale prints read."""

from __future__ import annotations

import plotly.graph_objects as go
import plotly.io as pio

OKABE_ITO = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "black": "#000000",
}
COLOURS = [OKABE_ITO[c] for c in ("blue", "vermillion", "green", "orange", "purple", "sky", "black", "yellow")]
SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon"]
# A sequence whose lightness falls evenly: it reads the same in greyscale.
SEQUENCE = ["#f7fbff", "#d0e1f2", "#94c4df", "#4a98c9", "#1764ab", "#08306b"]
# Disagree to agree: light to dark on one side only through the middle grey, readable without colour.
DIVERGING = ["#D55E00", "#EBB183", "#D9D9D9", "#8CBBDB", "#0072B2"]
INK, SOFT, LINE = "#1b1f24", "#57606a", "#d0d7de"
SIMULATED_MARK = "Simulated data"

_template = go.layout.Template(
    layout=go.Layout(
        colorway=COLOURS,
        font={"family": "system-ui, Segoe UI, Roboto, Helvetica, Arial, sans-serif", "size": 13, "color": INK},
        paper_bgcolor="white",
        plot_bgcolor="white",
        title={"x": 0.01, "xref": "container", "xanchor": "left", "y": 0.98, "yanchor": "top", "font": {"size": 16}},
        margin={"l": 10, "r": 20, "t": 88, "b": 48},
        xaxis={
            "gridcolor": "#eaeef2",
            "linecolor": LINE,
            "zerolinecolor": SOFT,
            "automargin": True,
            "ticks": "outside",
        },
        yaxis={"gridcolor": "#eaeef2", "linecolor": LINE, "zerolinecolor": SOFT, "automargin": True},
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.0,
            "xanchor": "left",
            "x": 0,
            "font": {"size": 12},
            "title": {"text": ""},
        },
        hoverlabel={"bgcolor": "white", "font": {"color": INK}},
    )
)
pio.templates["plural"] = _template


def new_figure(title: str, x: str = "", y: str = "", height: int = 360) -> go.Figure:
    """Return an empty figure in the project's look.

    Parameters
    ----------
    title : str
        What the figure shows.
    x, y : str
        Axis titles with their units.
    height : int
        Height in pixels; the width follows the page.
    """
    figure = go.Figure()
    figure.update_layout(template="plural", title_text=title, height=height, xaxis_title=x, yaxis_title=y)
    return figure


def row_height(rows: int, per_row: int = 30, frame: int = 140, least: int = 240) -> int:
    """Return a figure height that gives each of `rows` its room."""
    return max(least, frame + per_row * rows)


def mark_simulated(figure: go.Figure) -> go.Figure:
    """Write "Simulated data" into a figure, once; it stays in every export of it."""
    already = any(a.text == SIMULATED_MARK for a in figure.layout.annotations)
    if not already:
        figure.add_annotation(
            text=SIMULATED_MARK,
            xref="paper",
            yref="paper",
            x=1,
            y=1,
            xanchor="right",
            yanchor="bottom",
            yshift=34,  # beside the title, above the legend
            showarrow=False,
            font={"size": min(12, figure.layout.font.size or 12), "color": "#8a4b00"},
            bgcolor="#fff6e0",
            bordercolor="#E69F00",
            borderpad=3,
        )
    return figure


def empty_figure(title: str, reason: str) -> go.Figure:
    """Return a figure that says why there is nothing to show."""
    figure = new_figure(title, height=200)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=reason, xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False, font={"size": 14, "color": SOFT}
    )
    return figure
