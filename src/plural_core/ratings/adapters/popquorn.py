"""POPQUORN: offensiveness of Reddit comments, each rated 1 to 5 by about nine people (``raw_data.csv``).

Pei and Jurgens (2023). Ratings stand as ``1.0`` … ``5.0``, ages as bands of five years (the one called ``54-59``
as it stands) with ``>65`` on top. A comment is the response; it has no prompt, so each item is its own prompt.
"""

from __future__ import annotations

from plural_core.ratings.adapters.named import Source, check_dimensions, collect
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import read_raw
from plural_core.ratings.tables import Ingested
from plural_core.study import StudyConfig

PEOPLE = {
    "gender": "gender",
    "ethnicity": "race",
    "age_band": "age",
    "education": "education",
    "occupation": "occupation",
}


def read(config: StudyConfig) -> Ingested:
    """Read POPQUORN's ``raw_data.csv``: dimension ``offensiveness`` on five levels.

    Raises
    ------
    DataError
        A file that is not laid out like it.
    ConfigError
        Another dimension or another number of levels.
    """
    check_dimensions(config, {"offensiveness": 5})
    log, missing = IngestLog(), config.data.missing
    raw = read_raw(str(config.data.path), encoding=config.data.encoding)
    log.add("read", "rows", len(raw), note=raw.path.name)
    source = Source(
        raw=raw,
        participant=raw.coded("user_id", missing, "participant"),
        item=raw.coded("instance_id", missing, "item"),
        columns={"offensiveness": "offensiveness"},
        people={name: (column, raw.coded(column, missing, name)) for name, column in PEOPLE.items()},
        items={"response": ("text", raw.coded("text", role="response"))},
    )
    return collect(config, source, log)
