"""Pandera schemas of every table, with owner and meaning; ``docs/tables.md`` lists the same."""

from plural_core.ratings.schemas.base import TableSpec
from plural_core.ratings.schemas.check import TABLES, check_table

__all__ = ["TABLES", "TableSpec", "check_table"]
