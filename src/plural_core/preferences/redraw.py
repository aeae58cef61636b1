"""The rater bootstrap: participants drawn anew with replacement, each with all of their ratings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from plural_core.ratings.tables import RatingTables
from plural_core.simulation.streams import stream


def redraw_participants(tables: RatingTables, seed: int, replicate: int) -> RatingTables:
    """Return the tables with as many participants, drawn with replacement.

    A participant who is drawn twice counts as two people: the copies get ids of their own (``P7#2``). Items stay
    as they are.

    Parameters
    ----------
    tables : RatingTables
        The study's tables.
    seed : int
        Seed of the study.
    replicate : int
        Number of the draw, from 1 up; the same number gives the same people.
    """
    people = tables.participants.sort_values("participant_id", kind="stable", ignore_index=True)
    rng = stream(seed, "preferences", "replicate", str(replicate))
    drawn = np.sort(rng.integers(len(people), size=len(people)))
    copy = pd.Series(drawn).groupby(drawn).cumcount().to_numpy()
    participants = people.iloc[drawn].reset_index(drop=True)
    original = participants["participant_id"].to_numpy()
    participants["participant_id"] = [f"{name}#{n + 1}" if n else name for name, n in zip(original, copy, strict=True)]
    names = pd.DataFrame({"original": original, "participant_id": participants["participant_id"]})
    ratings = tables.ratings.rename(columns={"participant_id": "original"}).merge(names, on="original")
    ratings = ratings[tables.ratings.columns].sort_values(["participant_id", "item_id", "dimension"], ignore_index=True)
    return RatingTables(ratings, tables.items, participants)
