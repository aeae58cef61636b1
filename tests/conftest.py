"""Shared fixtures: the project's root, real data where it is named, a study in a scratch folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, named by PLURAL_REAL_DATA."""
    folder = os.environ.get("PLURAL_REAL_DATA")
    if folder:
        return Path(folder).resolve()
    if os.environ.get("PLURAL_REQUIRE_CROSSCHECKS") == "1":
        pytest.fail("PLURAL_REQUIRE_CROSSCHECKS is set, but PLURAL_REAL_DATA names no folder")
    pytest.skip("PLURAL_REAL_DATA names no folder of real data")


@pytest.fixture(scope="session")
def require_crosschecks() -> Callable[[str], None]:
    """Skip with the reason, or fail where cross-checks are required."""

    def require(reason: str) -> None:
        if os.environ.get("PLURAL_REQUIRE_CROSSCHECKS") == "1":
            pytest.fail(f"PLURAL_REQUIRE_CROSSCHECKS is set: {reason}")
        pytest.skip(reason)

    return require
