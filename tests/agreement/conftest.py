"""Small random studies for the tests of this folder, made by functions that the tests call with their needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.ratings.tables import RatingTables, complete_participants
from plural_core.study import StudyConfig


def _config(levels: int = 5, **sections) -> StudyConfig:
    return StudyConfig.model_validate(
        {
            "study": "small",
            "data": {"adapter": "table", "path": "none.csv"},
            "dimensions": {
                "harm": {"label": "Harm", "levels": levels, "high_is": "bad"},
                "care": {"label": "Care", "levels": levels},
            },
            "factors": {"gender": {"levels": ["female", "male"]}, "country": {"levels": ["US", "Germany"]}},
            **sections,
        }
    )


def _study(seed: int = 0, raters: int = 60, items: int = 40, per_rater: int = 10, missing: float = 0.1) -> RatingTables:
    """Return ratings with item and group effects; each country rates its own half of the items."""
    rng = np.random.default_rng(seed)
    country = np.where(np.arange(raters) < raters // 2, "US", "Germany")
    gender = rng.choice(["female", "male"], raters)
    strength = rng.normal(0, 1.2, items)
    half = items // 2
    rows = []
    for p in range(raters):
        own = np.arange(half) if country[p] == "US" else np.arange(half, items)
        for position, i in enumerate(rng.choice(own, per_rater, replace=False), start=1):
            for sign, dimension in ((1, "harm"), (-1, "care")):
                if rng.random() < missing:
                    continue
                latent = sign * strength[i] - 0.8 * (gender[p] == "male") + rng.logistic()
                rows.append((f"p{p:03}", f"i{i:03}", dimension, 1 + int(np.sum(latent > [-2, -0.5, 0.5, 2])), position))
    ratings = pd.DataFrame(rows, columns=["participant_id", "item_id", "dimension", "rating", "position"])
    ids = [f"i{i:03}" for i in range(items)]
    table = pd.DataFrame(
        {
            "item_id": ids,
            "prompt_id": ids,
            "prompt": None,
            "response": None,
            "language": ["en"] * half + ["de"] * (items - half),
            "source": None,
        }
    )
    participants = pd.DataFrame(
        {"participant_id": [f"p{p:03}" for p in range(raters)], "country": country, "gender": gender}
    )
    return RatingTables(ratings, table, complete_participants(participants))


def _shown(tables: RatingTables, settings: StudyConfig, k: int = 10) -> ProtectedParticipants:
    return protect(tables.participants, settings.factors, k)


@pytest.fixture(scope="session")
def make_config() -> Callable[..., StudyConfig]:
    return _config


@pytest.fixture(scope="session")
def make_study() -> Callable[..., RatingTables]:
    return _study


@pytest.fixture(scope="session")
def shown() -> Callable[..., ProtectedParticipants]:
    return _shown
