"""Rating designs that the benchmarks fit: simulated ratings of known size and sparsity."""

from __future__ import annotations

import numpy as np
import pandas as pd

FORMULA = "rating ~ country + gender + age_band + political + ethnicity + (1 | participant) + (1 | item)"
REFERENCE = {
    "country": "US",
    "gender": "female",
    "age_band": "18-30",
    "political": "liberal",
    "ethnicity": "White",
}
# level -> (share, effect in log odds); 13 effects beside the reference levels
FACTORS: dict[str, dict[str, tuple[float, float]]] = {
    "country": {"US": (0.5, 0.0), "DE": (0.5, 0.10)},
    "gender": {"female": (0.5, 0.0), "male": (0.46, -0.20), "nonbinary": (0.04, 0.10)},
    "age_band": {
        "18-30": (0.35, 0.0),
        "31-40": (0.3, -0.05),
        "41-50": (0.18, -0.10),
        "51-60": (0.12, -0.50),
        "61+": (0.05, -0.20),
    },
    "political": {"liberal": (0.55, 0.0), "moderate": (0.28, 0.10), "conservative": (0.17, 0.25)},
    "ethnicity": {
        "White": (0.65, 0.0),
        "Black": (0.14, 0.45),
        "Asian": (0.08, 0.05),
        "Hispanic": (0.08, 0.0),
        "other": (0.05, -0.05),
    },
}
THRESHOLDS = np.array([-1.6, -0.3, 0.7, 2.2])
SD_PARTICIPANT, SD_ITEM = 0.6, 1.5


def assign_items(rng: np.random.Generator, n_participants: int, n_items: int, per_person: int) -> np.ndarray:
    """Items per participant, (n_participants, per_person): even use of the items, no item twice for a person."""
    n = n_participants * per_person
    deck = rng.permutation(np.resize(rng.permutation(n_items), n)).reshape(n_participants, per_person)
    for _ in range(1000):
        order = np.sort(deck, axis=1)
        bad = np.flatnonzero((order[:, 1:] == order[:, :-1]).any(axis=1))
        if bad.size == 0:
            return deck
        # Swap one seat of every offending person with a random seat elsewhere.
        for row in bad:
            other, seat = rng.integers(n_participants), rng.integers(per_person, size=2)
            deck[row, seat[0]], deck[other, seat[1]] = deck[other, seat[1]], deck[row, seat[0]]
    raise RuntimeError("no assignment without repeats was found")


def study(n_participants: int = 1095, n_items: int = 1761, per_person: int = 5, seed: int = 1) -> pd.DataFrame:
    """Simulated ratings with the study's 13 fixed effects, participants and items crossed."""
    rng = np.random.default_rng(seed)
    people: dict[str, np.ndarray] = {}
    eta = rng.normal(0, SD_PARTICIPANT, n_participants)
    for factor, levels in FACTORS.items():
        names = np.array(list(levels))
        shares = np.array([share for share, _ in levels.values()])
        drawn = rng.choice(names.size, n_participants, p=shares / shares.sum())
        people[factor] = names[drawn]
        eta += np.array([effect for _, effect in levels.values()])[drawn]
    items = assign_items(rng, n_participants, n_items, per_person)
    who = np.repeat(np.arange(n_participants), per_person)
    what = items.ravel()
    latent = eta[who] + rng.normal(0, SD_ITEM, n_items)[what] + rng.logistic(size=who.size)
    data = pd.DataFrame({factor: values[who] for factor, values in people.items()})
    data["participant"] = np.char.add("p", who.astype(str))
    data["item"] = np.char.add("i", what.astype(str))
    data["rating"] = np.searchsorted(THRESHOLDS, latent) + 1
    return data
