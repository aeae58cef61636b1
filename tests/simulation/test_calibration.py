"""The default world stays calibrated; validation/simulation has the table over forty seeds."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd
import pytest

from plural_core.simulation import simulate
from plural_core.study import StudyConfig

SEEDS = range(1, 7)


@pytest.fixture(scope="module")
def measures() -> pd.DataFrame:
    rows = []
    for seed in SEEDS:
        settings = {"test_prompts": 0, "acceptance_prompts": 0}
        config = StudyConfig.model_validate({"study": "calibration", "seed": seed, "simulation": settings})
        ratings = simulate(config).tables.ratings
        rates = ratings.groupby(["dimension", "item_id"])["rating"].nunique().gt(1).groupby("dimension").mean()
        toxicity = ratings[ratings["dimension"] == "toxicity"]
        counts = pd.crosstab(toxicity["item_id"], toxicity["rating"]).to_numpy()
        agrees = ratings.pivot(index=["participant_id", "item_id"], columns="dimension", values="rating") >= 4
        aware = agrees[agrees["emotional_awareness"]]
        row = {f"disagreement {name}": rate for name, rate in rates.items()}
        row["disagreement"] = rates.mean()
        row["alpha"] = krippendorff.alpha(value_counts=counts, level_of_measurement="ordinal")
        row["toxic given aware"] = aware["toxicity"].mean()
        row["stereotypical given aware"] = aware["stereotypical_bias"].mean()
        rows.append(row)
    return pd.DataFrame(rows)


def test_disagreement(measures):
    mean = measures.mean()
    assert mean["disagreement"] == pytest.approx(0.853, abs=0.01)
    each = mean[[name for name in mean.index if name.startswith("disagreement ")]]
    assert each.size == 5
    assert each.between(0.83, 0.88).all()


def test_alpha_of_toxicity(measures):
    assert measures["alpha"].mean() == pytest.approx(0.38, abs=0.03)


def test_cooccurrence_with_emotional_awareness(measures):
    assert measures["toxic given aware"].mean() == pytest.approx(0.208, abs=0.02)
    assert measures["stereotypical given aware"].mean() == pytest.approx(0.335, abs=0.02)


def test_total_item_sd_is_what_the_page_of_statistics_says():
    truth = simulate(StudyConfig.model_validate({"study": "s"})).truth["truth_variances"]
    sds = truth.pivot(index="dimension", columns="component", values="sd")
    assert sds["item"].between(1.25, 1.65).all()
    assert np.allclose(sds["item"], np.hypot(sds["item_text"], sds["item_residual"]))
    assert (sds["participant"] == 0.6).all()
