"""The rater bootstrap: people drawn with replacement, each with all of their ratings."""

from __future__ import annotations

from pathlib import Path

import pytest

from plural_core.preferences.redraw import redraw_participants
from plural_core.ratings.tables import RatingTables
from plural_core.simulation import simulate
from plural_core.study import load_study


@pytest.fixture(scope="module")
def tables(root: Path) -> RatingTables:
    return simulate(load_study(root / "configs" / "tiny.yaml").config).tables


def test_as_many_people_and_each_with_their_own_ratings(tables: RatingTables) -> None:
    drawn = redraw_participants(tables, 1, 1)
    assert len(drawn.participants) == len(tables.participants)
    assert drawn.participants["participant_id"].is_unique
    assert len(drawn.ratings) == len(tables.ratings)  # everybody rated five items on five dimensions
    columns = ["item_id", "dimension", "rating", "position"]
    own = {name: part[columns].to_numpy().tolist() for name, part in tables.ratings.groupby("participant_id")}
    for name, part in drawn.ratings.groupby("participant_id"):
        assert part[columns].to_numpy().tolist() == own[str(name).split("#")[0]]


def test_copies_keep_what_they_are(tables: RatingTables) -> None:
    drawn = redraw_participants(tables, 1, 2).participants
    known = tables.participants.set_index("participant_id")
    for row in drawn.to_dict("records"):
        assert row["gender"] == known.loc[row["participant_id"].split("#")[0], "gender"]


def test_a_number_is_a_draw(tables: RatingTables) -> None:
    first, again, other = (redraw_participants(tables, 1, n).ratings for n in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
    assert not first.equals(redraw_participants(tables, 2, 1).ratings)
