"""Simulated ratings shared by the tests of the ordinal package."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

THRESHOLDS = np.array([-1.5, -0.4, 0.6, 1.8])


def make_ratings(
    n: int = 300, people: int = 30, items: int = 20, seed: int = 0, sds: tuple[float, float] = (0.9, 0.6)
) -> pd.DataFrame:
    """Ratings 1-5 with crossed people and items, two factors, a number, and items nested in topics."""
    rng = np.random.default_rng(seed)
    who, what = rng.integers(0, people, n), rng.integers(0, items, n)
    group = np.array(["a", "b", "c"])[rng.integers(0, 3, people)][who]
    sex = np.array(["female", "male"])[rng.integers(0, 2, people)][who]
    age = rng.normal(size=people)[who]
    eta = 0.7 * (group == "b") - 0.5 * (group == "c") + 0.4 * (sex == "male") + 0.3 * age
    eta = eta + sds[0] * rng.normal(size=people)[who] + sds[1] * rng.normal(size=items)[what]
    latent = eta + rng.logistic(size=n)
    return pd.DataFrame(
        {
            "rating": 1 + np.searchsorted(THRESHOLDS, latent),
            "group": group,
            "sex": sex,
            "age": age,
            "person": [f"p{k:03d}" for k in who],
            "item": [f"i{k:03d}" for k in what],
            "topic": [f"t{k % 5}" for k in what],
        }
    )


@pytest.fixture(scope="session")
def make() -> Callable[..., pd.DataFrame]:
    return make_ratings


@pytest.fixture(scope="session")
def ratings() -> pd.DataFrame:
    return make_ratings()


@pytest.fixture(scope="session")
def simulated() -> pd.DataFrame:
    """The committed data of the reference grid."""
    return pd.read_csv(Path(__file__).parent / "reference" / "simulated.csv")
