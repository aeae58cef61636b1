"""A small file of simulated ratings for visitors who want to see what a file should look like."""

from __future__ import annotations

import functools

from plural_core.simulation import simulate
from plural_core.study import load_study
from plural_core.workflow.project import project_folder

PARTICIPANTS = 120
DIMENSIONS = ("toxicity", "emotional_awareness")


@functools.cache
def example_csv() -> bytes:
    """Return a CSV with one row per simulated person and answer, one column per dimension."""
    settings = [f"simulation.participants={PARTICIPANTS}", "seed=2"]
    tables = simulate(load_study(project_folder() / "configs" / "tiny.yaml", settings).config).tables
    kept = tables.ratings[tables.ratings["dimension"].isin(DIMENSIONS)]
    wide = kept.pivot(index=["participant_id", "item_id"], columns="dimension", values="rating").reset_index()
    people = tables.participants.drop(columns="passed_attention")
    texts = tables.items[["item_id", "prompt", "response"]]
    frame = wide.merge(people, on="participant_id").merge(texts, on="item_id")
    return bytes(frame.to_csv(index=False).encode("utf-8"))
