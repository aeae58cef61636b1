"""Ratings, items, participants, and what happened on the way to them."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from plural_core.ratings.ingest import ACTIONS
from plural_core.ratings.schemas.base import TableSpec, count, table, text

SPECS: list[TableSpec] = [
    table(
        "ratings",
        "tables",
        "What each participant said about each item, one row per dimension.",
        ("participant_id", "item_id", "dimension"),
        {
            "participant_id": text(),
            "item_id": text(),
            "dimension": text(),
            "rating": pa.Column(int, pa.Check.ge(1)),
            "position": pa.Column(int, pa.Check.ge(1)),
        },
    ),
    table(
        "items",
        "tables",
        "What was rated: a response to a prompt.",
        ("item_id",),
        {
            "item_id": text(),
            "prompt_id": text(),
            "prompt": text(nullable=True),
            "response": text(nullable=True),
            "language": text(nullable=True),
            "source": text(nullable=True),
        },
    ),
    table(
        "participants",
        "tables",
        "Who rated; further categorical columns of the study stand beside the five standard ones.",
        ("participant_id",),
        {
            "participant_id": text(),
            "country": text(nullable=True),
            "gender": text(nullable=True),
            "age_band": text(nullable=True),
            "political": text(nullable=True),
            "ethnicity": text(nullable=True),
            "passed_attention": pa.Column(pd.BooleanDtype(), nullable=True),
        },
        open_=True,
    ),
    table(
        "ingest",
        "tables",
        "What the adapter dropped, recoded, merged, resolved or noticed.",
        ("order",),
        {
            "order": count(),
            "action": text(among=ACTIONS),
            "what": text(),
            "n": count(),
            "of": pa.Column("Int64", pa.Check.ge(0), nullable=True),
            "note": text(),
        },
    ),
]
