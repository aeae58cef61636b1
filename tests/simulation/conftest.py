"""Simulated studies shared by the tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plural_core.simulation import SimulatedStudy, simulate
from plural_core.study import StudyConfig

MakeConfig = Callable[..., StudyConfig]


@pytest.fixture(scope="session")
def make_config() -> MakeConfig:
    def make(seed: int = 1, **simulation: object) -> StudyConfig:
        return StudyConfig.model_validate({"study": "simulated", "seed": seed, "simulation": simulation})

    return make


@pytest.fixture(scope="session")
def full(make_config: MakeConfig) -> SimulatedStudy:
    return simulate(make_config())


@pytest.fixture(scope="session")
def tiny(make_config: MakeConfig) -> SimulatedStudy:
    return simulate(make_config(participants=60, test_prompts=20, acceptance_prompts=20))
