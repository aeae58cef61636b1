"""Aligniverse: the raw tables of the survey behind the paper, in English and German.

A folder with ``df_ratings.csv`` and ``df_participants.csv``, the same two with ``_german``, or only one pair; texts
come from ``df_prompts.csv`` and ``df_prompts_german.csv`` (or ``df_german_prompts.csv``) where there are any. The two
surveys count participants and prompts independently, so ids begin with ``en-`` or ``de-``. Rows without all ratings are
incomplete and dropped. The attention check ("select Neutral") exists in English only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from plural_core.errors import DataError
from plural_core.ratings.adapters import build
from plural_core.ratings.adapters.aligniverse_answers import AGREEMENT, FACTORS, answers
from plural_core.ratings.adapters.factors import to_levels
from plural_core.ratings.adapters.levels import MISSING, levels_of
from plural_core.ratings.adapters.named import check_dimensions
from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable, read_raw
from plural_core.ratings.tables import Ingested, RatingTables
from plural_core.study import StudyConfig
from plural_core.study.config import STANDARD_FACTORS

DIMENSIONS = ("stereotypical_bias", "toxicity", "emotional_awareness", "sensitivity", "helpfulness")
_PROMPT = ("prompt", "question", "prompt_text")
_RESPONSE = ("response", "answer", "llm_response")


@dataclass(frozen=True)
class _Survey:
    language: str
    suffix: str
    prompts: tuple[str, ...]
    model: str


SURVEYS = (
    _Survey("en", "", ("df_prompts",), "Wizard-Vicuna-7B-Uncensored"),
    _Survey("de", "_german", ("df_prompts_german", "df_german_prompts"), "instruct-igel-001"),
)


def read(config: StudyConfig) -> Ingested:
    """Read the survey's folder: up to five dimensions on five levels of agreement.

    Raises
    ------
    DataError
        No survey in the folder, a table that lacks a column, an answer that is not understood, a rating by an
        unknown participant.
    ConfigError
        Another dimension or another number of levels.
    """
    check_dimensions(config, dict.fromkeys(DIMENSIONS, 5))
    folder, log = Path(str(config.data.path)), IngestLog()
    found = [s for s in SURVEYS if _file(folder, f"df_ratings{s.suffix}").exists()]
    if not found:
        raise DataError(
            f"{folder}: neither df_ratings.csv nor df_ratings_german.csv is there; name the survey's folder"
        )
    parts = [_survey(config, folder, survey, log) for survey in found]
    tables = [
        pd.concat([getattr(p.tables, n) for p in parts], ignore_index=True)
        for n in ("ratings", "items", "participants")
    ]
    return Ingested(RatingTables(*tables), log)


def _file(folder: Path, name: str) -> Path:
    packed = folder / f"{name}.csv.gz"
    return packed if packed.exists() else folder / f"{name}.csv"


def _survey(config: StudyConfig, folder: Path, survey: _Survey, log: IngestLog) -> Ingested:
    missing, encoding = config.data.missing, config.data.encoding
    raw = read_raw(_file(folder, f"df_ratings{survey.suffix}"), encoding=encoding)
    people = read_raw(_file(folder, f"df_participants{survey.suffix}"), encoding=encoding)
    for table in (raw, people):
        log.add("read", "rows", len(table), note=table.path.name)
    key = people.coded("participant_id", missing, "participant")
    everyone = np.ones(len(raw), dtype=bool)
    cells = raw.coded("participant_id", missing, "participant")
    who = build.known_in(raw, "participant_id", cells, key, people, everyone)

    columns = [f"rating_{name}" for name in config.dimensions]
    levels = [
        levels_of(raw, column, raw.coded(column, missing, f"ratings of '{name}'"),
                  dimension.model_copy(update={"values": AGREEMENT | dimension.values}))
        for column, (name, dimension) in zip(columns, config.dimensions.items(), strict=True)
    ]  # fmt: skip
    complete = np.all([level != MISSING for level in levels], axis=0)
    if not complete.all():
        log.add("dropped", "rows", int((~complete).sum()), len(raw), f"incomplete: {raw.path.name}")
    _notice_topic(raw, missing, log)

    prompts = next((p for p in (_file(folder, name) for name in survey.prompts) if p.exists()), None)
    texts = None if prompts is None else read_raw(prompts, encoding=encoding)
    item, prompt_of, written = _items(raw, texts, survey, missing)
    rows = np.flatnonzero(complete)
    kept = raw.take(rows)
    long = build.from_wide([level[rows] for level in levels], who.take(rows), item.take(rows), log)
    long = build.settle(long, kept, columns, "mode", log)
    things = {"prompt_id": prompt_of} | _texts(texts, written, survey, log)
    things |= {
        name: np.full(len(item.uniques), value, dtype=object)
        for name, value in (("language", survey.language), ("source", survey.model))
    }
    described = _people(config, people, key, log)
    described["passed_attention"] = _attention(raw, who, missing)
    ids = np.array([f"{survey.language}-{value}" for value in key.uniques], dtype=object)
    return build.assemble(
        long, build.order_of(long), list(config.dimensions), (ids, described), (item.uniques, things), log
    )


def _notice_topic(raw: RawTable, missing: list[str], log: IngestLog) -> None:
    if raw.has("gender_focused"):
        cells = raw.coded("gender_focused", missing)
        off = [code for code, value in enumerate(cells.uniques) if value.casefold() in ("no", "nein", "0", "false")]
        log.add("noticed", "rows", int(cells.among(off).sum()), len(raw), "rated off topic (gender); kept")


def _items(
    raw: RawTable, texts: RawTable | None, survey: _Survey, missing: list[str]
) -> tuple[Coded, np.ndarray, Coded | None]:
    """Return the item of each row, the prompt of each item, and the item of each row of texts.

    Of ``question_id`` and ``prompt_id`` the one that settles the other names the prompt-response pair, the other the
    prompt (in the survey's database: prompt_id the pair, question_id the prompt). Where neither does, both together
    name the pair.
    """
    rated, written = _pairs(raw, missing), _pairs(texts, missing) if texts is not None else []
    distinct = set(rated) | set(written)
    if len(distinct) == len({prompt for _, prompt in distinct}):
        named = {pair: (pair[1], pair[0]) for pair in distinct}
    elif len(distinct) == len({question for question, _ in distinct}):
        named = {pair: (pair[0], pair[1]) for pair in distinct}
    else:
        named = {pair: (f"{pair[0]}-{pair[1]}", pair[0]) for pair in distinct}
    cells = Coded.of(rated)
    ids, prompts = (
        np.array([f"{survey.language}-{named[pair][k]}" for pair in cells.uniques], dtype=object) for k in (0, 1)
    )
    place = {pair: code for code, pair in enumerate(cells.uniques)}
    places = np.array([place.get(pair, -1) for pair in written], dtype=np.int64)
    return Coded(cells.codes, ids), prompts, Coded(places, ids) if texts is not None else None


def _pairs(table: RawTable, missing: list[str]) -> list[tuple[str, str]]:
    columns = []
    for name in ("question_id", "prompt_id"):
        cells = table.coded(name, missing, "item")
        if (cells.codes < 0).any():
            raise table.fault(int(np.argmax(cells.codes < 0)), name, "", "a row without it")
        columns.append(cells.values())
    return list(zip(*columns, strict=True))


def _texts(texts: RawTable | None, written: Coded | None, survey: _Survey, log: IngestLog) -> dict[str, np.ndarray]:
    if texts is None or written is None:
        log.add(
            "noticed", "tables of texts", 0, note=f"none found; items of the survey '{survey.language}' have no texts"
        )
        return {}
    log.add("read", "rows", len(texts), note=texts.path.name)
    columns = {}
    for name, candidates in (("prompt", _PROMPT), ("response", _RESPONSE)):
        column = next((c for c in candidates if texts.has(c)), candidates[0])
        columns[name] = (column, texts.coded(column, role=name))
    found = build.describe(written, columns, texts, "items", "mode", log)
    bare = len(written.uniques) - len(np.unique(written.codes[written.codes >= 0]))
    if bare:
        log.add("noticed", "items", bare, len(written.uniques), f"not in {texts.path.name}; without texts")
    return found


def _people(config: StudyConfig, people: RawTable, key: Coded, log: IngestLog) -> dict[str, np.ndarray]:
    columns = {}
    for name, (column, _) in FACTORS.items():
        if people.has(column) and (name in STANDARD_FACTORS or name in config.factors):
            cells = answers(people, name, config.data.missing, log)
            unknown = "missing" if name == "country" else "error"
            columns[name] = (column, to_levels(config, name, column, cells, people, log, unknown))
    silent = np.all([cells.codes < 0 for _, cells in columns.values()], axis=0) if columns else np.array([])
    if silent.any():
        log.add("noticed", "participants", int(silent.sum()), len(people), f"nothing stated: {people.path.name}")
    return build.describe(key, columns, people, "participants", "mode", log)


def _attention(raw: RawTable, who: Coded, missing: list[str]) -> np.ndarray:
    """Return whether each participant chose Neutral in every check they answered; None without any."""
    passed = np.full(len(who.uniques), None, dtype=object)
    column = next((c for c in ("attention", "attention_check") if raw.has(c)), None)
    if column is not None:
        cells = raw.coded(column, missing)
        neutral = cells.among([c for c, v in enumerate(cells.uniques) if v.casefold() in ("neutral", "3", "3.0")])
        answered = cells.codes >= 0
        passed[np.unique(who.codes[answered])] = True
        passed[np.unique(who.codes[answered & ~neutral])] = False
    return passed
