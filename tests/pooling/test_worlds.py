"""What a simulated world lets an experiment find is said where it applies, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from plural_core.pooling.worlds import world_note
from plural_core.study import load_study

GROUPS = ("female", "male", "liberal", "conservative", "white", "black")


@pytest.mark.parametrize(
    ("settings", "experiment", "expected"),
    [
        (["simulation.world=additive"], "demographic", "cancels"),
        (["simulation.world='null'"], "demographic", "do not differ"),
        ([], "demographic", ""),
        (["simulation.world=additive"], "scale", ""),
        (["simulation.world=additive", *(f"conditions.{g}.pairing=anchored" for g in GROUPS)], "demographic", ""),
        (["simulation.world=additive", "simulation.slopes={toxicity: {'gender:male': 0.5}}"], "demographic", ""),
    ],
)
def test_the_note_of_a_world(root: Path, settings: list[str], experiment: str, expected: str) -> None:
    note = world_note(load_study(root / "configs" / "demo.yaml", settings).config, experiment)
    assert expected in note
    assert bool(note) == bool(expected)
