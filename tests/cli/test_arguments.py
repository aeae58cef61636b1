"""``--set`` takes one setting or several."""

from __future__ import annotations

import pytest

from plural_core.cli.arguments import spread_settings


@pytest.mark.parametrize(
    ("given", "spread"),
    [
        (["run", "a", "--set", "x=1"], ["run", "a", "--set", "x=1"]),
        (["run", "a", "--set", "x=1", "y.z=2", "-n"], ["run", "a", "--set", "x=1", "--set", "y.z=2", "-n"]),
        (["run", "a", "--set", "x=1", "--set", "y=2"], ["run", "a", "--set", "x=1", "--set", "y=2"]),
        (["run", "a", "--set", "x=1", "--jobs", "3", "y=2"], ["run", "a", "--set", "x=1", "--jobs", "3", "y=2"]),
        (["run", "--set", "x=1", "a.yaml"], ["run", "--set", "x=1", "a.yaml"]),
        (["status", "a"], ["status", "a"]),
    ],
)
def test_settings_are_spread(given: list[str], spread: list[str]) -> None:
    assert spread_settings(given) == spread
