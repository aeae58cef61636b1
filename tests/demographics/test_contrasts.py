"""Another reference level: the same as fitting the model again with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.demographics import effect_rows, effects_table, fit_dimensions, shown_factors, vcov_table
from plural_core.demographics.contrasts import contrast_rows
from plural_core.errors import DataError
from plural_core.ordinal import CLMMResult
from plural_core.ratings.privacy import protect
from plural_core.ratings.tables import RatingTables
from plural_core.simulation import simulate
from plural_core.study import StudyConfig, load_study

KEY = ["dimension", "factor", "level"]


def fitted(config: StudyConfig, tables: RatingTables) -> tuple[dict[str, CLMMResult], dict[str, list[str]]]:
    people = protect(tables.participants, config.factors, 10)
    fits, failed = fit_dimensions(tables, people, config)
    assert not failed
    return fits, shown_factors(people, config)


def with_references(config: StudyConfig, **references: str) -> StudyConfig:
    factors = {
        name: f.model_copy(update={"reference": references.get(name, f.reference)})
        for name, f in config.factors.items()
    }
    return config.model_copy(update={"factors": factors})


@pytest.fixture(scope="module")
def config(root: Path) -> StudyConfig:
    whole = load_study(root / "configs" / "tiny.yaml", ["simulation.participants=150", "seed=5"]).config
    kept = ("toxicity", "emotional_awareness")
    return whole.model_copy(update={"dimensions": {name: whole.dimensions[name] for name in kept}})


@pytest.fixture(scope="module")
def tables(root: Path, config: StudyConfig) -> RatingTables:
    whole = load_study(root / "configs" / "tiny.yaml", ["simulation.participants=150", "seed=5"]).config
    made = simulate(whole).tables
    kept = made.ratings["dimension"].isin(list(config.dimensions))
    return RatingTables(made.ratings[kept].reset_index(drop=True), made.items, made.participants)


def test_another_reference_level_equals_a_refit(config: StudyConfig, tables: RatingTables) -> None:
    fits, factors = fitted(config, tables)
    wanted = {"age_band": "41-50", "political": "conservative"}
    ours = contrast_rows(effects_table(fits), vcov_table(fits), factors, wanted).set_index(KEY)
    again, again_factors = fitted(with_references(config, **wanted), tables)
    refit = effect_rows(effects_table(again), again_factors).set_index(KEY).loc[ours.index]
    for column in ("estimate", "std_error", "p_value", "ci_low", "ci_high", "odds_ratio", "p_holm"):
        np.testing.assert_allclose(ours[column], refit[column], atol=1e-6, rtol=1e-6, err_msg=column)
    assert list(ours["contrast"]) == list(refit["contrast"])


def test_the_models_own_reference_gives_its_own_table(config: StudyConfig, tables: RatingTables) -> None:
    fits, factors = fitted(config, tables)
    effects = effects_table(fits)
    ours = contrast_rows(effects, vcov_table(fits), factors).set_index(KEY)
    theirs = effect_rows(effects, factors).set_index(KEY).loc[ours.index]
    for column in ("estimate", "std_error", "z", "p_value", "ci_low", "ci_high", "percent_change", "p_holm"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-12, atol=1e-12, err_msg=column)


def test_there_and_back_changes_signs_only() -> None:
    effects = pd.DataFrame({"dimension": "d", "term": ["fb", "fc"], "estimate": [0.5, -0.2]})
    vcov = pd.DataFrame(
        [("d", "fb", "fb", 0.04), ("d", "fb", "fc", 0.01), ("d", "fc", "fb", 0.01), ("d", "fc", "fc", 0.09)],
        columns=["dimension", "term_a", "term_b", "value"],
    )
    factors = {"f": ["a", "b", "c"]}
    plain = contrast_rows(effects, vcov, factors).set_index("level")
    turned = contrast_rows(effects, vcov, factors, {"f": "b"}).set_index("level")
    assert turned.loc["a", "estimate"] == pytest.approx(-plain.loc["b", "estimate"])
    assert turned.loc["a", "std_error"] == pytest.approx(0.2)
    assert turned.loc["c", "estimate"] == pytest.approx(-0.7)
    assert turned.loc["c", "std_error"] == pytest.approx(np.sqrt(0.04 + 0.09 - 0.02))
    assert turned.loc["c", "contrast"] == "c vs b"


def test_what_is_not_estimable_stays_missing_and_out_of_the_adjustment() -> None:
    effects = pd.DataFrame({"dimension": "d", "term": ["fb", "fc"], "estimate": [0.5, np.nan]})
    vcov = pd.DataFrame([("d", "fb", "fb", 0.04)], columns=["dimension", "term_a", "term_b", "value"])
    plain = contrast_rows(effects, vcov, {"f": ["a", "b", "c"]}).set_index("level")
    assert plain.loc["c"].drop(["dimension", "factor", "reference", "contrast"]).isna().all()
    assert plain.loc["b", "p_holm"] == pytest.approx(plain.loc["b", "p_value"])
    turned = contrast_rows(effects, vcov, {"f": ["a", "b", "c"]}, {"f": "c"})
    assert turned["estimate"].isna().all()
    assert turned["p_holm"].isna().all()


def test_unknown_factors_and_levels_are_named() -> None:
    nothing = pd.DataFrame({"dimension": [], "term": [], "estimate": []})
    vcov = pd.DataFrame({"dimension": [], "term_a": [], "term_b": [], "value": []})
    with pytest.raises(DataError, match="Did you mean 'gender'"):
        contrast_rows(nothing, vcov, {"gender": ["f", "m"]}, {"gendr": "f"})
    with pytest.raises(DataError, match="Levels: f, m"):
        contrast_rows(nothing, vcov, {"gender": ["f", "m"]}, {"gender": "x"})
    assert contrast_rows(nothing, vcov, {"gender": ["f", "m"]}).empty
