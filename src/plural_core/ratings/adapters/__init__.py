"""From raw files to the three tables: one adapter per source, each a small module with ``read(config)``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from plural_core.errors import ConfigError
from plural_core.ratings.adapters import aligniverse, dices, popquorn, prism, sbic, table
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.tables import Ingested, RatingTables
from plural_core.study import StudyConfig

ADAPTERS: dict[str, Callable[[StudyConfig], Ingested]] = {
    "table": table.read,
    "aligniverse": aligniverse.read,
    "popquorn": popquorn.read,
    "sbic": sbic.read,
    "dices": dices.read,
    "prism": prism.read,
}

__all__ = ["ADAPTERS", "ingest"]


def ingest(config: StudyConfig) -> Ingested:
    """Read a study's raw files with its adapter and return checked tables with the log of what happened.

    Raises
    ------
    DataError
        Raw data that cannot be used.
    ConfigError
        A config that does not fit the adapter; a simulated study has no raw data.
    """
    if config.data.adapter not in ADAPTERS:
        raise ConfigError(f"data.adapter: '{config.data.adapter}' reads no raw data")
    made = ADAPTERS[config.data.adapter](config)
    tables = _attention(made.tables, config.data.keep_failed_attention, made.log)
    tables = tables.validate(config, where=str(config.data.path))
    silent = [name for name in config.factors if tables.participants[name].isna().all()]
    if silent:
        # DICES-350 has no country, for example; a column may also have been mapped wrongly.
        note = f"nobody's value is known: {', '.join(silent)}"
        made.log.add("noticed", "factors", len(silent), len(config.factors), note)
    if not tables.ratings.duplicated(["item_id", "dimension"]).any():
        n = len(tables.items)
        made.log.add("noticed", "items", n, n, "none has two raters: agreement is not estimable, the rest is")
    return replace(made, tables=tables)


def _attention(tables: RatingTables, keep: bool, log: IngestLog) -> RatingTables:
    """Count participants who failed an attention check, and drop them with their ratings unless they are kept."""
    people = tables.participants
    checked = people["passed_attention"].notna()
    failed = people["passed_attention"].eq(False).fillna(False).astype(bool)
    if not failed.any():
        return tables
    n = int(failed.sum())
    if keep:
        log.add("noticed", "participants who failed the attention check", n, int(checked.sum()), "kept")
        return tables
    log.add("dropped", "participants who failed the attention check", n, int(checked.sum()))
    gone = tables.ratings["participant_id"].isin(people.loc[failed, "participant_id"])
    log.add("dropped", "ratings", int(gone.sum()), len(gone), "of participants who failed the attention check")
    ratings = tables.ratings[~gone].reset_index(drop=True)
    items = tables.items[tables.items["item_id"].isin(ratings["item_id"])].reset_index(drop=True)
    return RatingTables(ratings, items, people[~failed].reset_index(drop=True))
