"""Social Bias Frames (SBIC v2): offensiveness, intent and sexual content of posts, three people a post.

Sap et al. (2020). The file has one row per implied stereotype, so a person's rating of a post repeats; one row per
(WorkerId, HITId) is kept. Demographics were asked anew in every HIT and differ within some people: the most
frequent answer holds, ``na`` being an answer. What people wrote about minorities they belong to is not read.
"""

from __future__ import annotations

import numpy as np

from plural_core.ratings.adapters import build
from plural_core.ratings.adapters.factors import band_of
from plural_core.ratings.adapters.named import Source, check_dimensions, collect
from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable, read_raw
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
    if raw.has("annotatorMinority"):
        log.add("dropped", "columns", 1, len(raw.columns), "annotatorMinority: free text, may identify people")
    raw = _one_per_answer(raw, missing, log)
    participant = raw.coded("WorkerId", missing, "participant")
    item = raw.coded("HITId", missing, "item")
    post = next((name for name in ("postId", "post") if raw.has(name)), None)
    if post is not None:
        _notice_repeats(raw.coded(post, missing), item, log)
    people = {name: (column, raw.coded(column, missing, name)) for name, column in PEOPLE.items()}
    people["age_band"] = ("annotatorAge", _ages(config, raw, participant, log))
    items = {"source": ("dataSource", raw.coded("dataSource", missing))} if raw.has("dataSource") else {}
    if raw.has("post"):
        items["response"] = ("post", raw.coded("post"))
    coded = {n: d if d.values else d.model_copy(update={"values": VALUES[n]}) for n, d in config.dimensions.items()}
    source = Source(raw, participant, item, COLUMNS, people, items)
    return collect(config.model_copy(update={"dimensions": coded}), source, log, missing_is_answer=True)


def _one_per_answer(raw: RawTable, missing: list[str], log: IngestLog) -> RawTable:
    """Leave out the rows that repeat a person's answers to a post for a further implied stereotype."""
    answers = [*COLUMNS.values(), *PEOPLE.values(), "annotatorAge"]
    columns = [raw.coded(name, missing, "needed by the adapter") for name in ("WorkerId", "HITId", *answers)]
    group = np.zeros(len(raw), dtype=np.int64)
    for cells in columns:
        _, group = np.unique(group * (len(cells.uniques) + 1) + cells.codes + 1, return_inverse=True)
    _, start = np.unique(group, return_index=True)
    note = "one row per implied stereotype; one per person (WorkerId) and post (HITId) is kept"
    log.add("merged", "rows", len(raw) - start.size, len(raw), note)
    return raw.take(np.sort(start))


def _notice_repeats(post: Coded, item: Coded, log: IngestLog) -> None:
    pairs = np.unique(np.stack([post.codes, item.codes]), axis=1)
    several = int((np.bincount(pairs[0][pairs[0] >= 0]) > 1).sum())
    if several:
        log.add("noticed", "posts", several, len(post.uniques), "under several HITs; each HIT is an item of its own")


def _ages(config: StudyConfig, raw: RawTable, participant: Coded, log: IngestLog) -> Coded:
    """Return each row's age band, from the most frequent age of its person."""
    cells = {"age": ("annotatorAge", raw.coded("annotatorAge", config.data.missing, "age"))}
    ages = build.describe(participant, cells, raw, "participants", "mode", log, missing_is_answer=True)["age"]
    factor = config.factors.get("age_band")
    bands = factor.bands if factor is not None and factor.bands else AGE_BANDS
    banded = [None if age is None else band_of(float(age), bands) for age in ages]
    stated = sum(age is not None for age in ages)
    lost = stated - sum(band is not None for band in banded)
    log.add("recoded", "ages of participants", stated - lost, len(ages), f"to bands: {', '.join(bands)}")
    if lost:
        log.add("recoded", "ages of participants", lost, len(ages), "outside every band, as 100 is; not stated")
    return Coded.of(np.array(banded, dtype=object)[participant.codes])
