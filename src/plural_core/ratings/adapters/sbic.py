"""Social Bias Frames (SBIC v2): offensiveness, intent and sexual content of posts, three people a post.

Sap et al. (2020). The file has one row per implied stereotype, so a person's rating of a post repeats; one row per
(WorkerId, HITId) is kept. Demographics were asked anew in every HIT and differ within some people: the most
frequent answer holds, ``na`` being an answer. What people wrote about minorities they belong to is not read.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from plural_core.ratings.adapters.factors import band_of
from plural_core.ratings.adapters.named import Source, check_dimensions, collect
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import Coded, RawTable, read_raw
from plural_core.ratings.tables import Ingested
from plural_core.study import StudyConfig

COLUMNS = {"offensive": "offensiveYN", "intent": "intentYN", "sexual": "sexYN"}
# 0 no, 1 yes; in between "maybe" (0.5), or "probably not" and "probably" (0.33, 0.66).
VALUES = {
    "offensive": {"0": 1, "0.5": 2, "1": 3},
    "intent": {"0": 1, "0.33": 2, "0.66": 3, "1": 4},
    "sexual": {"0": 1, "0.5": 2, "1": 3},
}
PEOPLE = {"gender": "annotatorGender", "ethnicity": "annotatorRace", "political": "annotatorPolitics"}
AGE_BANDS = {
    "18-30": [18.0, 30.0],
    "31-40": [31.0, 40.0],
    "41-50": [41.0, 50.0],
    "51-60": [51.0, 60.0],
    "over 60": [61.0, 99.0],  # 100 is the end of the slider: "declined"
}


def read(config: StudyConfig) -> Ingested:
    """Read an SBIC v2 file: dimensions ``offensive`` (3 levels), ``intent`` (4) and ``sexual`` (3).

    Raises
    ------
    DataError
        A file that is not laid out like it.
    ConfigError
        Another dimension or another number of levels.
    """
    check_dimensions(config, {"offensive": 3, "intent": 4, "sexual": 3})
    log, missing = IngestLog(), config.data.missing
    raw = read_raw(str(config.data.path), encoding=config.data.encoding)
    log.add("read", "rows", len(raw), note=raw.path.name)
    raw = _one_per_rating(raw, missing, log)
    participant = raw.coded("WorkerId", missing, "participant")
    item = raw.coded("HITId", missing, "item")
    text = next((name for name in ("post", "text") if raw.has(name)), None)
    _notice_posts(raw, text, item, log)
    people = {name: (column, raw.coded(column, missing, name)) for name, column in PEOPLE.items()}
    people["age_band"] = ("annotatorAge", raw.coded("annotatorAge", missing, "age_band"))
    items = {"source": ("dataSource", raw.coded("dataSource", missing, "source"))} if raw.has("dataSource") else {}
    if text:
        items["response"] = (text, raw.coded(text, role="response"))
    known = {name: dimension.model_copy(update={"values": VALUES[name]}) if not dimension.values else dimension
             for name, dimension in config.dimensions.items()}
    log.add("dropped", "columns", int(raw.has("annotatorMinority")), len(raw.columns), "free text on minorities")
    made = collect(
        config.model_copy(update={"dimensions": known, "factors": {n: f for n, f in config.factors.items() if n != "age_band"}}),
        Source(raw, participant, item, COLUMNS, people, items),
        log,
        missing_is_answer=True,
    )
    return made
