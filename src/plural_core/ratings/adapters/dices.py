"""DICES: safety of chatbot conversations, rated No, Unsure or Yes on up to six questions (350 and 990 layouts).

Aroyo et al. (2023). One row per rater and conversation. A dimension of the config is one of the file's question
columns: ``q_overall`` reads ``Q_overall``; a shorter name is given under ``data.columns.ratings``. Ratings are
levels 1 No, 2 Unsure, 3 Yes, Yes meaning unsafe. The conversation so far is the prompt, the last answer the response.
All raters are read; the authors' papers leave out those who failed their quality checks.
"""

from __future__ import annotations

from plural_core.errors import DataError, listing, nearest
from plural_core.ratings.adapters.named import Source, check_dimensions, collect
from plural_core.ratings.adapters.numbering import numbered
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable, read_raw
from plural_core.ratings.tables import Ingested
from plural_core.study import StudyConfig

VALUES = {"No": 1, "Unsure": 2, "Yes": 3}
PEOPLE = {
    "gender": "rater_gender",
    "ethnicity": "rater_race",
    "age_band": "rater_age",
    "education": "rater_education",
    "country": "rater_locale",  # 990 only
}


def read(config: StudyConfig) -> Ingested:
    """Read a DICES CSV of either layout.

    Raises
    ------
    DataError
        A file that is not laid out like it, or a dimension that is none of its questions.
    ConfigError
        A dimension without exactly three levels.
    """
    check_dimensions(config, dict.fromkeys(config.dimensions, 3))
    log, missing = IngestLog(), config.data.missing
    raw = read_raw(str(config.data.path), encoding=config.data.encoding)
    log.add("read", "rows", len(raw), note=f"{raw.path.name} ({'990' if raw.has('rater_locale') else '350'} layout)")
    columns = {name: _question(config, raw, name) for name in config.dimensions}
    questions = [c for c in raw.columns if c.startswith("Q") and c not in columns.values()]
    if questions:
        log.add("noticed", "columns", len(questions), len(raw.columns), "questions that the config does not name")
    prompt = raw.coded("context", role="prompt")
    coded = {n: d if d.values else d.model_copy(update={"values": VALUES}) for n, d in config.dimensions.items()}
    source = Source(
        raw=raw,
        participant=raw.coded("rater_id", missing, "participant"),
        item=raw.coded("item_id", missing, "item"),
        columns=columns,
        people={n: (c, raw.coded(c, missing, n)) for n, c in PEOPLE.items() if raw.has(c)},
        items={
            "prompt_id": ("context", numbered([prompt], "prompt")),
            "prompt": ("context", prompt),
            "response": ("response", raw.coded("response", role="response")),
        },
    )
    return collect(config.model_copy(update={"dimensions": coded}), source, log)


def _question(config: StudyConfig, raw: RawTable, name: str) -> str:
    wanted = config.data.columns.ratings.get(name, name)
    column = next((c for c in raw.columns if c.lower() == wanted.lower()), None)
    if column is None:
        questions = [c for c in raw.columns if c.startswith("Q")]
        raise DataError(
            f"{raw.path}, row 1: no column '{wanted}' (dimension '{name}').{nearest(wanted, questions)} Questions in "
            f"the file: {listing(questions) or 'none, so this is no DICES file'}. Map others under data.columns.ratings"
        )
    return column
