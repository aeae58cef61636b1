"""Tables of the quality notebook (01)."""

from __future__ import annotations

import pandera.pandas as pa

from plural_core.ratings.schemas.base import PEOPLE, TableSpec, count, number, table, text

SPECS: list[TableSpec] = [
    table(
        "levels",
        "01_quality",
        "What each level of each factor is shown as after suppression, and how many people that is.",
        ("factor", "level"),
        {"factor": text(), "level": text(), "shown_as": text(), "n_participants": PEOPLE},
    ),
    table(
        "slices",
        "01_quality",
        "Pairs of factors: whether they may be crossed, into how many cells, and the people of the smallest.",
        ("factor_a", "factor_b"),
        {
            "factor_a": text(),
            "factor_b": text(),
            "offered": pa.Column(bool),
            "n_cells": count(),
            "smallest": count(),
        },
    ),
    table(
        "quality",
        "01_quality",
        "What the ratings are like: numbers in a fixed order, each with its text; few people are not counted out.",
        ("order",),
        {
            "order": count(),
            "section": text(),
            "measure": text(),
            "subject": text(),
            "value": number(),
            "of": number(),
            "share": number(0.0, 1.0),
            "shown": text(),
            "note": text(),
        },
    ),
    table(
        "coverage",
        "01_quality",
        "How many items have so many ratings on a dimension.",
        ("dimension", "n_ratings"),
        {"dimension": text(), "n_ratings": count(), "n_items": count(), "share": number(0.0, 1.0)},
    ),
    table(
        "scale_use",
        "01_quality",
        "How often each level of each scale was used.",
        ("dimension", "level"),
        {
            "dimension": text(),
            "level": count(),
            "level_label": text(),
            "n_ratings": count(),
            "share": number(0.0, 1.0),
        },
    ),
]
