"""How notebooks show figures and tables, in JupyterLab and in the HTML report."""

from __future__ import annotations

import html
import json
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg"},
}
HEADS = {
    "std_error": "standard error",
    "ci_low": "from",
    "ci_high": "to",
    "p_value": "p",
    "p_holm": "p (Holm)",
    "tau2": "tau²",
    "i2": "I² %",
    "h2": "H²",
    "q_p": "p of Q",
    "pi_low": "prediction from",
    "pi_high": "prediction to",
    "variance_models": "variance, models",
    "variance_raters": "variance, raters",
    "n_prompts": "prompts",
    "n_participants": "participants",
    "n_ratings": "ratings",
}
"""What columns of result tables are called in tables for readers."""
PLOTLY_MIME = "application/vnd.plotly.v1+json"


def figure_bundle(figure: go.Figure, reading: str) -> dict[str, Any]:
    """Return a figure as a display bundle.

    JupyterLab takes the plotly JSON; the report takes the HTML, whose page loads plotly.js once for all
    figures. `reading` is the text for screen readers.
    """
    inner = pio.to_html(figure, include_plotlyjs=False, full_html=False, config=_CONFIG)
    label = html.escape(reading, quote=True)
    return {
        PLOTLY_MIME: json.loads(figure.to_json()),
        "text/html": f'<div class="plural-figure" role="img" aria-label="{label}">{inner}</div>',
        "text/plain": f"Figure: {reading}",
    }


def table_html(table: pd.DataFrame, caption: str, rows: int) -> str:
    """Return a table as accessible HTML with a caption; every text in it is escaped."""
    shown = table.head(rows)
    numeric = [i for i, c in enumerate(shown.columns) if pd.api.types.is_numeric_dtype(shown[c])]
    head = "".join(
        f'<th scope="col"{_class(i in numeric)}>{html.escape(HEADS.get(str(c), str(c)))}</th>'
        for i, c in enumerate(shown.columns)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{_class(i in numeric)}>{_cell(v)}</td>" for i, v in enumerate(row)) + "</tr>"
        for row in shown.itertuples(index=False, name=None)
    )
    more = f" (first {rows} of {len(table):,} rows)" if len(table) > rows else ""
    return (
        f'<table class="plural-table"><caption>{html.escape(caption)}{more}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _class(number: bool) -> str:
    return ' class="number"' if number else ""


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return format_number(value)
    return html.escape(str(value))


def format_number(value: float, beside: float = 0.0) -> str:
    """Format a number for readers: three decimals, fewer for large ones, tiny ones in powers of ten.

    Parameters
    ----------
    value : float
        The number.
    beside : float
        The largest number that stands beside it; both get the same decimals.
    """
    size = max(abs(value), abs(beside))
    if value == 0 and beside == 0:
        return "0"
    if size < 0.0005:
        return f"{value:.1e}"
    if size < 10:
        return f"{value:z.3f}".replace("-", "−")
    if size < 1000:
        return f"{value:z,.1f}".replace("-", "−")
    return f"{value:z,.0f}".replace("-", "−")
