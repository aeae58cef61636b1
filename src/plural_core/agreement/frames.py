"""Rows to a table with the columns and types of its schema, also where there is no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from plural_core.ratings.schemas import TABLES


def table_of(rows: Sequence[Mapping[str, object]], name: str) -> pd.DataFrame:
    """Return `rows` as the table `name` of `plural_core.ratings.schemas.TABLES`."""
    columns = TABLES[name].schema.columns
    types = {column: str(kind.dtype) for column, kind in columns.items()}
    return pd.DataFrame(list(rows), columns=list(columns)).astype(types)
