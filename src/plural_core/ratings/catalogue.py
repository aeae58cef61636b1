"""The catalogue of tables as a document: ``docs/tables.md`` is made from the schemas."""

from __future__ import annotations

from collections.abc import Iterable

from plural_core.ratings.schemas import TABLES, TableSpec

_HEAD = """\
# Tables

Every table of a study stands under `results/<study>/tables/<name>.parquet`, one owner each, sorted by its key, with
a JSON manifest beside it (`<name>.json`: hash of the config sections and of the inputs, version, seed, start and
end). A missing value means "not stated" or "not estimable"; where it is the latter, a `note` says why. This page is
made from the schemas (`make docs`); a test holds the two together.
"""


def tables_document(specs: Iterable[TableSpec] | None = None) -> str:
    """Return ``docs/tables.md``: for each table its meaning, owner, key and columns with types."""
    parts = [_HEAD]
    for spec in specs if specs is not None else TABLES.values():
        key = ", ".join(f"`{name}`" for name in spec.key)
        rows = [
            f"| `{name}` | {_kind(str(column.dtype))} | {'yes' if column.nullable else 'no'} |"
            for name, column in spec.schema.columns.items()
        ]
        further = "" if spec.schema.strict else "\nFurther columns of the study may stand beside these.\n"
        parts.append(
            f"## {spec.name}\n\n{spec.meaning} Written by `{spec.owner}`. Key: {key}.\n\n"
            "| column | type | may be missing |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n" + further
        )
    return "\n".join(parts)


def _kind(dtype: str) -> str:
    kinds = {"object": "text", "int64": "whole number", "Int64": "whole number", "float64": "number"}
    return kinds.get(dtype, "true or false" if dtype.startswith("bool") else dtype)
