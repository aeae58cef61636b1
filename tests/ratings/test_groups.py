"""Who rated, and the adapter's log, without small numbers of people."""

from __future__ import annotations

import pandas as pd

from plural_core.ratings.groups import group_shares, shown_ingest
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.privacy import protect
from plural_core.study import FactorConfig


def test_shares_add_up_and_no_group_is_small() -> None:
    participants = pd.DataFrame(
        {"participant_id": [f"p{i}" for i in range(50)], "gender": ["a"] * 30 + ["b"] * 17 + ["c"] * 3}
    )
    shares = group_shares(protect(participants, {"gender": FactorConfig()}, 10))
    assert shares["n"].sum() == 50
    assert shares["n"].min() >= 10
    assert abs(shares["share"].sum() - 1) < 1e-12


def test_small_numbers_of_people_are_words_and_other_counts_stay() -> None:
    log = IngestLog()
    log.add("resolved", "participants whose gender differs", 3, 199)
    log.add("resolved", "participants whose age differs", 65, 199)
    log.add("recoded", "answers to gender", 196, 199)
    log.add("dropped", "ratings", 3, 199)
    assert shown_ingest(log.to_frame(), 10)["count"].tolist() == [
        "fewer than 10 of 199",
        "65 of 199",
        "all but fewer than 10 of 199",
        "3 of 199",
    ]
    assert shown_ingest(log.to_frame(), 1)["count"].iloc[0] == "3 of 199"
