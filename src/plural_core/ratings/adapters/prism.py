"""PRISM: scores from 1 (terrible) to 100 (perfect) that people gave to answers in their own conversations.

Kirk et al. (2024). A folder with ``survey.jsonl`` (one line per participant) and ``utterances.jsonl`` (one line per
rated answer). Scores are sorted into ``data.bins``. Everyone rated answers to prompts of their own, so that no
answer has two raters: disagreement cannot be estimated, everything else can. An answer's prompt is the last message
only; the conversation before it stays in the source.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plural_core.errors import ConfigError, DataError
from plural_core.ratings.adapters import build
from plural_core.ratings.adapters.factors import to_levels
from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable, read_raw
from plural_core.ratings.tables import Ingested
from plural_core.study import StudyConfig

PEOPLE = {
    "country": "location.reside_country",
    "gender": "gender",
    "age_band": "age",
    "ethnicity": "ethnicity.simplified",
    "education": "education",
    "employment": "employment_status",
    "religion": "religion.simplified",
    "marital_status": "marital_status",
    "english": "english_proficiency",
}
DECLINED = "Prefer not to say"
_STANDARD = ("country", "gender", "age_band", "ethnicity")


def read(config: StudyConfig) -> Ingested:
    """Read PRISM's folder; the config's one dimension is the score.

    Raises
    ------
    DataError
        A file that is missing or not laid out like it, a score outside 1 to 100, an unknown participant.
    ConfigError
        More than one dimension, or another number of levels than bins.
    """
    if len(config.dimensions) != 1:
        raise ConfigError(f"dimensions: PRISM has one score per answer, the config names {len(config.dimensions)}")
    (name, dimension), bins = next(iter(config.dimensions.items())), config.data.bins
    if dimension.levels != len(bins) + 1:
        raise ConfigError(
            f"dimensions.{name}.levels: {len(bins)} bins make {len(bins) + 1} levels, not {dimension.levels}"
        )
    log, missing = IngestLog(), config.data.missing
    folder = Path(str(config.data.path))
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one with survey.jsonl and utterances.jsonl (data.path)")
    survey = read_raw(_file(folder, "survey"), "jsonl", config.data.encoding)
    said = read_raw(_file(folder, "utterances"), "jsonl", config.data.encoding)
    log.add("read", "rows", len(survey), note=survey.path.name)
    log.add("read", "rows", len(said), note=said.path.name)

    key = survey.coded("user_id", missing, "participant")
    everyone = np.ones(len(said), dtype=bool)
    who = build.known_in(said, "user_id", said.coded("user_id", missing, "participant"), key, survey, everyone)
    item = said.coded("utterance_id", missing, "item")
    if (item.codes < 0).any():
        raise said.fault(int(np.argmax(item.codes < 0)), "utterance_id", "", "a row without an id")
    long = build.from_wide([_levels(said, bins, missing)], who, item, log)
    log.add("recoded", "scores", long.row.size, len(said), f"to {len(bins) + 1} levels; upper bounds {_shown(bins)}")
    long = build.settle(long, said, ["score"], "mode", log)
    texts = {
        "prompt": ("user_prompt", said.coded("user_prompt")),
        "response": ("model_response", said.coded("model_response")),
    }
    ids = {"prompt_id": "interaction_id", "source": "model_name"}
    items = texts | {n: (c, said.coded(c, missing)) for n, c in ids.items() if said.has(c)}
    return build.assemble(
        long,
        build.order_of(long),
        [name],
        (key.uniques, _people(config, survey, key, log)),
        (item.uniques, build.describe(item, items, said, "items", "mode", log)),
        log,
    )


def _file(folder: Path, name: str) -> Path:
    packed = folder / f"{name}.jsonl.gz"
    return packed if packed.exists() else folder / f"{name}.jsonl"


def _shown(bins: list[float]) -> str:
    return ", ".join(f"{b:g}" for b in bins)


def _levels(said: RawTable, bins: list[float], missing: list[str]) -> np.ndarray:
    """Return the bin of every score, counted from 1; 0 where there is none. A bound belongs to the bin below it."""
    cells = said.coded("score", missing, "score")
    levels: list[int] = []
    for code, value in enumerate(cells.uniques):
        try:
            score = float(value)
        except ValueError:
            score = float("nan")
        if not 1 <= score <= 100:
            raise said.fault(cells.first([code]), "score", value, "not a score from 1 to 100")
        levels.append(int(np.searchsorted(bins, score, side="left")) + 1)
    found: np.ndarray = np.array([*levels, 0], dtype=np.int64)[cells.codes]
    return found


def _people(config: StudyConfig, survey: RawTable, key: Coded, log: IngestLog) -> dict[str, np.ndarray]:
    columns = {}
    declined = [*config.data.missing, DECLINED]
    for name, column in PEOPLE.items():
        if survey.has(column) and (name in _STANDARD or name in config.factors):
            cells = survey.coded(column, declined, name)
            columns[name] = (column, to_levels(config, name, column, cells, survey, log))
    return build.describe(key, columns, survey, "participants", "mode", log)
