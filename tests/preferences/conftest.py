"""Small random studies with prompts of several responses, and their prepared ratings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plural_core.preferences import PreparedRatings, prepare
from plural_core.ratings.tables import RatingTables, complete_participants
from plural_core.study import StudyConfig

MAPS = {"3": [1, 1, 2, 3, 3], "binary": [1, 1, None, 2, 2]}


def _config(**sections: Any) -> StudyConfig:
    return StudyConfig.model_validate(
        {
            "study": "small",
            "data": {"adapter": "table", "path": "none.csv"},
            "dimensions": {
                "harm": {"label": "Harm", "high_is": "bad", "scales": MAPS},
                "care": {"label": "Care", "scales": MAPS},
                "plain": {"label": "No maps", "levels": 7},
            },
            "factors": {"gender": {"levels": ["female", "male"]}, "country": {"levels": ["US", "Germany"]}},
            **sections,
        }
    )


def _study(rows: list[tuple[str, str, str, int]], prompt_of: dict[str, str] | None = None) -> RatingTables:
    """Return tables from (participant, item, dimension, rating); an item 'a1' answers prompt 'a' by default."""
    ratings = pd.DataFrame(rows, columns=["participant_id", "item_id", "dimension", "rating"])
    ratings["position"] = ratings.groupby("participant_id").cumcount() + 1
    ids = sorted(set(ratings["item_id"]) | set(prompt_of or {}))
    prompts = [(prompt_of or {}).get(i, i[0]) for i in ids]
    items = pd.DataFrame({"item_id": ids, "prompt_id": prompts})
    for name in ("prompt", "response", "language", "source"):
        items[name] = None
    people = sorted(set(ratings["participant_id"]))
    gender = ["female" if n % 3 else "male" for n in range(len(people))]
    country = ["US" if n % 2 else "Germany" for n in range(len(people))]
    participants = pd.DataFrame({"participant_id": people, "gender": gender, "country": country})
    return RatingTables(ratings, items, complete_participants(participants))


def _random(seed: int, raters: int = 40, prompts: int = 8, responses: int = 3, per_rater: int = 6) -> RatingTables:
    rng = np.random.default_rng(seed)
    items = [f"{chr(97 + p)}{r}" for p in range(prompts) for r in range(responses)]
    rows = []
    for p in range(raters):
        for i in rng.choice(items, per_rater, replace=False):
            for dimension in ("harm", "care"):
                if rng.random() < 0.9:
                    rows.append((f"p{p:03}", str(i), dimension, int(rng.integers(1, 6))))
    return _study(rows, {i: i[0] for i in items})


@pytest.fixture(scope="session")
def make_config() -> Callable[..., StudyConfig]:
    return _config


@pytest.fixture(scope="session")
def make_study() -> Callable[..., RatingTables]:
    return _study


@pytest.fixture(scope="session")
def random_study() -> Callable[..., RatingTables]:
    return _random


@pytest.fixture(scope="session")
def prepared_random() -> Callable[..., PreparedRatings]:
    def make(seed: int = 0, **shape: int) -> PreparedRatings:
        return prepare(_random(seed, **shape), _config())

    return make
