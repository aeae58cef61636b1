"""Any table of ratings: long or wide, with the columns that the config names."""

from __future__ import annotations

import numpy as np

from plural_core.errors import ConfigError, DataError, listing, nearest
from plural_core.ratings.adapters import build
from plural_core.ratings.adapters.factors import to_levels
from plural_core.ratings.adapters.levels import MISSING, levels_of
from plural_core.ratings.adapters.numbering import numbered
from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable, read_raw
from plural_core.ratings.tables import Ingested
from plural_core.study import StudyConfig

_PASSED = {"true": True, "1": True, "1.0": True, "yes": True, "passed": True, "pass": True} | {
    "false": False,
    "0": False,
    "0.0": False,
    "no": False,
    "failed": False,
    "fail": False,
}


def read(config: StudyConfig) -> Ingested:
    """Read a table of one's own.

    Raises
    ------
    DataError
        A missing column or value, a rating outside its scale, contradicting rows, an item or a participant that
        the further files do not know: with file, row, column and value.
    ConfigError
        A config that does not say where the ratings stand.
    """
    data, names, log = config.data, config.data.columns, IngestLog()
    raw = _open(config, "path", "ratings", log)
    people = _open(config, "participants", "participants", log) if data.participants else raw
    things = _open(config, "items", "items", log) if data.items else raw
    if data.items and names.item is None:
        raise ConfigError("data.columns.item: null numbers items by their texts, but data.items names a file of items")

    by_rating = raw.coded(names.participant, data.missing, "data.columns.participant")
    filled, levels, dimension = _ratings(config, raw, log)
    by_item = _items(config, raw) if things is raw else raw.coded(str(names.item), data.missing, "data.columns.item")
    filled |= (by_rating.codes >= 0) & ((by_item.codes >= 0) if names.item is not None else True)
    if not filled.all():
        log.add("dropped", "rows", int((~filled).sum()), len(raw), "empty rows")
    _complete(raw, names.participant, by_rating, filled)
    _complete(raw, names.item or names.response or "response", by_item, filled)

    who_key = by_rating if people is raw else people.coded(names.participant, data.missing, "data.columns.participant")
    what_key = by_item if things is raw else things.coded(str(names.item), data.missing, "data.columns.item")
    who = by_rating if people is raw else build.known_in(raw, names.participant, by_rating, who_key, people, filled)
    what = by_item if things is raw else build.known_in(raw, str(names.item), by_item, what_key, things, filled)
    if dimension is None:
        long = build.from_wide([np.where(filled, column, MISSING) for column in levels], who, what, log)
    else:
        row = np.flatnonzero(filled & (levels[0] != MISSING))
        if row.size < filled.sum():
            log.add("dropped", "ratings", int(filled.sum() - row.size), int(filled.sum()), "no value")
        long = build.Long(row, who.codes[row], what.codes[row], dimension[row], levels[0][row])
    columns = [str(names.rating or "rating")] * len(config.dimensions) if dimension is not None else _wide(config)
    long = build.settle(long, raw, columns, data.on_conflict, log)

    return build.assemble(
        long,
        _positions(config, raw, long, log),
        list(config.dimensions),
        (who_key.uniques, _people(config, people, who_key, log)),
        (what_key.uniques, _things(config, things, what_key, log)),
        log,
    )


def _open(config: StudyConfig, key: str, what: str, log: IngestLog) -> RawTable:
    path, kind = str(getattr(config.data, key)), config.data.format if key == "path" else "auto"
    raw = read_raw(path, kind, config.data.encoding, f"data.{key}")
    log.add("read", "rows", len(raw), note=f"{what}: {raw.path.name}")
    names = config.data.columns
    used = {names.participant, names.item, "item_id", "participant_id", "dimension", "rating", *_wide(config)}
    used |= {getattr(names, n) or n for n in (*build.ITEM_COLUMNS, "position", "passed_attention")}
    used |= {names.dimension, names.rating, *(names.factors.get(n, n) for n in config.factors)}
    further = [c for c in raw.columns if c not in used]
    if further:
        log.add("noticed", "columns", len(further), len(raw.columns), f"not named by the config, not read: {what}")
    return raw


def _wide(config: StudyConfig) -> list[str]:
    return [config.data.columns.ratings.get(name, name) for name in config.dimensions]


def _ratings(
    config: StudyConfig, raw: RawTable, log: IngestLog
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray | None]:
    """Return which rows hold a rating, the levels (one array, or one per dimension), and long rows' dimensions."""
    names, missing = config.data.columns, config.data.missing
    if not _is_long(config, raw):
        cells = [
            raw.coded(c, missing, f"data.columns.ratings.{d}")
            for c, d in zip(_wide(config), config.dimensions, strict=True)
        ]
        levels = [
            levels_of(raw, column, cell, config.dimensions[name])
            for column, cell, name in zip(_wide(config), cells, config.dimensions, strict=True)
        ]
        return np.any([level != MISSING for level in levels], axis=0), levels, None
    column = names.rating or "rating"
    ratings = raw.coded(column, missing, "data.columns.rating")
    dimension = _dimensions(config, raw, ratings)
    level = np.zeros(len(raw), dtype=np.int64)
    for code, name in enumerate(config.dimensions):
        here = np.where(dimension == code, ratings.codes, -1)
        level = np.maximum(level, levels_of(raw, column, Coded(here, ratings.uniques), config.dimensions[name]))
    return level != MISSING, [level], dimension


def _is_long(config: StudyConfig, raw: RawTable) -> bool:
    names, layout = config.data.columns, config.data.layout
    if layout != "auto":
        return layout == "long"
    if names.dimension or names.rating:
        return True
    return raw.has("rating") and not any(raw.has(column) for column in _wide(config))


def _dimensions(config: StudyConfig, raw: RawTable, ratings: Coded) -> np.ndarray:
    names = config.data.columns
    column = names.dimension or ("dimension" if raw.has("dimension") else None)
    if column is None:
        if len(config.dimensions) > 1:
            raise ConfigError("data.columns.dimension: name the column that says which dimension a row rates")
        return np.zeros(len(raw), dtype=np.int64)
    cells = raw.coded(column, config.data.missing, "data.columns.dimension")
    known = {name: code for code, name in enumerate(_wide(config))}
    strange = [code for code, value in enumerate(cells.uniques) if value not in known]
    if strange:
        row = cells.first(strange)
        value = cells.uniques[cells.codes[row]]
        raise raw.fault(row, column, value, f"not a dimension of the config.{nearest(value, known)}")
    _complete(raw, column, cells, ratings.codes >= 0)
    lookup = np.array([*(known[value] for value in cells.uniques), -1], dtype=np.int64)
    absent = [name for name, code in known.items() if code not in lookup]
    if absent:
        raise DataError(f"{raw.path}, column '{column}': no row rates '{absent[0]}'; found {listing(cells.uniques)}")
    found: np.ndarray = lookup[cells.codes]
    return found


def _complete(raw: RawTable, column: str, cells: Coded, needed: np.ndarray) -> None:
    gaps = needed & (cells.codes < 0)
    if gaps.any():
        raise raw.fault(int(np.argmax(gaps)), column, "", "no value, but the row holds a rating")


def _column(config: StudyConfig, raw: RawTable, name: str) -> str | None:
    """Return the column for a property of items or ratings: the config's, else one of its own name, else none."""
    given: str | None = getattr(config.data.columns, name)
    return given if given is not None else name if raw.has(name) else None


def _texts(config: StudyConfig, raw: RawTable) -> list[tuple[str, str]]:
    """Return the columns that hold texts of items; an empty cell is the only one without a text."""
    found = ((name, _column(config, raw, name)) for name in ("prompt", "response"))
    return [(name, column) for name, column in found if column is not None]


def _items(config: StudyConfig, raw: RawTable) -> Coded:
    if config.data.columns.item is not None:
        return raw.coded(config.data.columns.item, config.data.missing, "data.columns.item")
    texts = [raw.coded(column, role=f"data.columns.{name}") for name, column in _texts(config, raw)]
    if not texts:
        raise ConfigError("data.columns.item: null needs data.columns.response (and prompt), the texts to number")
    return numbered(texts, "item")


def _positions(config: StudyConfig, raw: RawTable, long: build.Long, log: IngestLog) -> np.ndarray:
    column = _column(config, raw, "position")
    if column is None or not long.row.size:
        return build.order_of(long)
    cells = raw.coded(column, config.data.missing, "data.columns.position")
    _complete(raw, column, cells, np.isin(np.arange(len(raw)), long.row))
    try:
        numbers = np.array([*(float(value) for value in cells.uniques), np.nan])
    except ValueError:  # a time stamp or the like: sorted as text
        log.add("recoded", "positions", long.row.size, note=f"order of '{column}' as text")
        ranks = np.argsort(np.argsort(cells.uniques.astype(str), kind="stable"), kind="stable")
        return build.order_of(long, np.append(ranks, -1)[cells.codes])
    recorded = numbers[cells.codes]
    used = recorded[long.row]
    if (used >= 1).all() and (used == np.floor(used)).all() and used.max() < 2**31:
        return np.asarray(used, dtype=np.int64)
    log.add("recoded", "positions", long.row.size, note=f"'{column}' does not count from 1; replaced by its order")
    return build.order_of(long, recorded)


def _people(config: StudyConfig, raw: RawTable, key: Coded, log: IngestLog) -> dict[str, np.ndarray]:
    data = config.data
    columns = {}
    for name in config.factors:
        column = data.columns.factors.get(name, name)
        cells = raw.coded(column, data.missing, f"data.columns.factors.{name}")
        columns[name] = (column, to_levels(config, name, column, cells, raw, log))
    attention = _column(config, raw, "passed_attention")
    if attention is not None:
        cells = raw.coded(attention, data.missing, "data.columns.passed_attention")
        strange = [code for code, value in enumerate(cells.uniques) if value.lower() not in _PASSED]
        if strange:
            row = cells.first(strange)
            raise raw.fault(row, attention, cells.uniques[cells.codes[row]], "expected true or false")
        columns["passed_attention"] = (attention, cells.mapped([_PASSED[v.lower()] for v in cells.uniques]))
    return build.describe(key, columns, raw, "participants", data.on_conflict, log)


def _things(config: StudyConfig, raw: RawTable, key: Coded, log: IngestLog) -> dict[str, np.ndarray]:
    columns = {name: (column, raw.coded(column, role=f"data.columns.{name}")) for name, column in _texts(config, raw)}
    for name in ("prompt_id", "language", "source"):
        column = _column(config, raw, name)
        if column is not None:
            columns[name] = (column, raw.coded(column, config.data.missing, f"data.columns.{name}"))
    if "prompt_id" not in columns and "prompt" in columns:
        column, texts = columns["prompt"]
        columns["prompt_id"] = (column, numbered([texts], "prompt"))
    return build.describe(key, columns, raw, "items", config.data.on_conflict, log)
