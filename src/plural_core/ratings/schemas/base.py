"""What a table is, and the kinds of columns that tables are made of."""

from __future__ import annotations

from dataclasses import dataclass

import pandera.pandas as pa


@dataclass(frozen=True)
class TableSpec:
    """What a table is.

    Parameters
    ----------
    name : str
        File name without ending, under ``results/<study>/tables/``.
    owner : str
        The step that writes it.
    meaning : str
        One sentence for readers.
    key : tuple of str
        Columns that identify a row; rows are sorted by them.
    schema : pandera.DataFrameSchema
        Columns, types and ranges.
    """

    name: str
    owner: str
    meaning: str
    key: tuple[str, ...]
    schema: pa.DataFrameSchema


def text(nullable: bool = False, among: tuple[str, ...] = ()) -> pa.Column:
    """Return a column of texts, of a few known ones where `among` is given."""
    return pa.Column(object, [pa.Check.isin(among)] if among else [], nullable=nullable)


def number(low: float | None = None, high: float | None = None, nullable: bool = True) -> pa.Column:
    """Return a column of numbers between `low` and `high`; missing means not estimable."""
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low))
    if high is not None:
        checks.append(pa.Check.le(high))
    return pa.Column(float, checks, nullable=nullable)


def count() -> pa.Column:
    """Return a column of counts, none missing."""
    return pa.Column(int, pa.Check.ge(0))


def table(
    name: str,
    owner: str,
    meaning: str,
    key: tuple[str, ...],
    columns: dict[str, pa.Column],
    open_: bool = False,
) -> TableSpec:
    """Return the spec of a table; `open_` allows further columns."""
    schema = pa.DataFrameSchema(columns, name=name, strict=not open_, unique=list(key) or None, ordered=False)
    return TableSpec(name, owner, meaning, key, schema)


INTERVAL = {"ci_low": number(), "ci_high": number()}
PAIR = {name: text() for name in ("dimension", "factor", "level_a", "level_b")}
PEOPLE = pa.Column("Int64", pa.Check.ge(0), nullable=True)
