"""A panel: one question's answer as a sentence, a figure, and the table behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import plotly.graph_objects as go

KINDS = ("text", "raw", "count", "number", "signed", "percent", "change", "p", "note", "yes")


@dataclass(frozen=True)
class Column:
    """How a column of a panel's table is written.

    Parameters
    ----------
    name : str
        Column of the table.
    label : str
        Its heading.
    kind : str
        ``text``, ``count``, ``number``, ``signed``, ``percent`` (a share), ``change`` (percent already), ``p``,
        ``note`` (a known sentence), ``yes`` (true or false), ``time`` (on one line).
    digits : int
        Decimals of numbers.
    term : str
        Key of the definition that hovering shows; empty for none.
    high : str
        For an interval: the column of its upper limit; `name` holds the lower one.
    """

    name: str
    label: str
    kind: str = "text"
    digits: int = 2
    term: str = ""
    high: str = ""

    @property
    def numeric(self) -> bool:
        """Whether cells are numbers, which stand at the right."""
        return self.kind not in ("text", "raw", "note", "yes", "time")


@dataclass(frozen=True, eq=False)
class Panel:
    """One result as the dashboard shows it.

    Parameters
    ----------
    id : str
        Names its files and its place on the page.
    title : str
        Heading.
    reading : str
        One sentence that says what one sees, with the numbers.
    table : DataFrame
        The numbers behind it, as they are exported.
    columns : tuple of Column
        The columns that are shown, in order.
    figure : Figure, optional
        The chart, in light colours and at full width.
    note : str
        What readers must know.
    terms : tuple of str
        Keys of further terms to define.
    """

    id: str
    title: str
    reading: str
    table: pd.DataFrame
    columns: tuple[Column, ...]
    figure: go.Figure | None = None
    note: str = ""
    terms: tuple[str, ...] = field(default=())

    @property
    def all_terms(self) -> tuple[str, ...]:
        """Keys of every term that the panel uses, each once."""
        return tuple(dict.fromkeys([*self.terms, *(c.term for c in self.columns if c.term)]))
