"""What adapters of named data sets share: rows of a known layout, contradictions resolved and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plural_core.errors import ConfigError, DataError, nearest
from plural_core.ratings.adapters import build
from plural_core.ratings.adapters.factors import to_levels
from plural_core.ratings.adapters.levels import levels_of
from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable
from plural_core.ratings.tables import Ingested
from plural_core.study import StudyConfig


@dataclass(frozen=True)
class Source:
    """One row per participant and item of a named data set.

    Parameters
    ----------
    raw : RawTable
        The file.
    participant, item : Coded
        Who rated what in each row.
    columns : mapping
        For each dimension that the source offers, its column.
    people, items : mapping
        For each column of the two tables, its name in the file and its cells.
    """

    raw: RawTable
    participant: Coded
    item: Coded
    columns: Mapping[str, str]
    people: Mapping[str, tuple[str, Coded]]
    items: Mapping[str, tuple[str, Coded]]


def check_dimensions(config: StudyConfig, offered: Mapping[str, int | None]) -> None:
    """Raise a ConfigError for a dimension that the source lacks, or with another number of levels (None: any)."""
    for name, dimension in config.dimensions.items():
        if name not in offered:
            raise ConfigError(
                f"dimensions.{name}: adapter '{config.data.adapter}' has no such dimension."
                f"{nearest(name, offered)} It has: {', '.join(offered)}"
            )
        levels = offered[name]
        if levels is not None and dimension.levels != levels:
            raise ConfigError(
                f"dimensions.{name}.levels: adapter '{config.data.adapter}' gives {levels} levels, "
                f"the config says {dimension.levels}"
            )


def collect(config: StudyConfig, source: Source, log: IngestLog, *, missing_is_answer: bool = False) -> Ingested:
    """Return the tables of a named source; contradicting rows are resolved to the most frequent value and counted."""
    raw = source.raw
    gaps = (source.participant.codes < 0) | (source.item.codes < 0)
    if gaps.any():
        row = raw.row(int(np.argmax(gaps)))
        raise DataError(f"{raw.path}, row {row}: no id of a participant or of an item; complete or remove the row")
    levels = [
        levels_of(raw, source.columns[name], raw.coded(source.columns[name], config.data.missing), dimension)
        for name, dimension in config.dimensions.items()
    ]
    long = build.from_wide(levels, source.participant, source.item, log)
    columns = [source.columns[name] for name in config.dimensions]
    long = build.settle(long, raw, columns, "mode", log)
    people = {
        name: (column, to_levels(config, name, column, cells, raw, log))
        for name, (column, cells) in source.people.items()
    }
    return build.assemble(
        long,
        build.order_of(long),
        list(config.dimensions),
        (
            source.participant.uniques,
            build.describe(
                source.participant, people, raw, "participants", "mode", log, missing_is_answer=missing_is_answer
            ),
        ),
        (source.item.uniques, build.describe(source.item, source.items, raw, "items", "mode", log)),
        log,
    )
