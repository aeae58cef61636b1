"""The demographic analysis: its tables hold together, and it finds what the simulation put in."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from plural_core.demographics import DemographicAnalysis, demographic_analysis, percent_rows, predictor_table
from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.ratings.schemas import check_table
from plural_core.ratings.tables import RatingTables
from plural_core.simulation import simulate
from plural_core.study import StudyConfig, load_study

LABELS = {"toxicity": "Toxicity", "emotional_awareness": "Emotional awareness"}


def config_of(root: Path, *settings: str) -> StudyConfig:
    return load_study(root / "configs" / "tiny.yaml", settings).config


@pytest.fixture(scope="module")
def config(root: Path) -> StudyConfig:
    everything = config_of(root, "simulation.participants=400", "seed=3")
    kept = {name: everything.dimensions[name] for name in LABELS}
    shifts = {"toxicity": {"gendermale": -1.0}}
    simulation = everything.simulation.model_copy(update={"world": "null", "shifts": shifts})
    return everything.model_copy(update={"dimensions": kept, "simulation": simulation})


@pytest.fixture(scope="module")
def tables(config: StudyConfig, root: Path) -> RatingTables:
    whole = config.model_copy(update={"dimensions": config_of(root).dimensions})
    tables = simulate(whole).tables
    kept = tables.ratings["dimension"].isin(list(LABELS))
    return RatingTables(tables.ratings[kept].reset_index(drop=True), tables.items, tables.participants)


@pytest.fixture(scope="module")
def people(config: StudyConfig, tables: RatingTables) -> ProtectedParticipants:
    return protect(tables.participants, config.factors, 10)


@pytest.fixture(scope="module")
def analysis(config: StudyConfig, tables: RatingTables, people: ProtectedParticipants) -> DemographicAnalysis:
    return demographic_analysis(tables, people, config)


def test_the_large_effect_that_was_put_in_is_found_and_no_other_dimension_has_it(analysis: DemographicAnalysis) -> None:
    effects = analysis.effects.set_index(["dimension", "term"])
    toxic = effects.loc[("toxicity", "gendermale")]
    assert toxic["ci_low"] < -1.0 < toxic["ci_high"]
    assert toxic["p_holm"] < 1e-4
    assert effects.loc[("emotional_awareness", "gendermale"), "p_holm"] > 0.05


def test_tables_have_their_schemas(analysis: DemographicAnalysis) -> None:
    check_table(analysis.effects, "effects_demographic")
    check_table(analysis.vcov, "vcov_demographic")
    check_table(analysis.variances, "variance_shares")
    check_table(analysis.marginal_probabilities(), "marginal_probabilities")
    check_table(analysis.proportional_odds(), "proportional_odds")


def test_holm_covers_all_effects_of_all_dimensions(analysis: DemographicAnalysis) -> None:
    effects = analysis.effects
    np.testing.assert_allclose(effects["p_holm"], multipletests(effects["p_value"], method="holm")[1])


def test_the_covariance_gives_standard_errors_and_contrasts_without_a_refit(
    analysis: DemographicAnalysis, config: StudyConfig, tables: RatingTables, people: ProtectedParticipants
) -> None:
    vcov = analysis.vcov.set_index(["dimension", "term_a", "term_b"])["value"]
    for row in analysis.effects.to_dict("records"):
        assert math.sqrt(vcov[row["dimension"], row["term"], row["term"]]) == pytest.approx(row["std_error"])
    other = config.factors["political"].model_copy(update={"reference": "conservative"})
    again = config.model_copy(update={"factors": {**config.factors, "political": other}})
    refit = demographic_analysis(tables, people, again).effects.set_index(["dimension", "term"])
    effects = analysis.effects.set_index(["dimension", "term"])["estimate"]
    a, b = "politicalmoderate", "politicalconservative"
    variance = vcov["toxicity", a, a] + vcov["toxicity", b, b] - 2 * vcov["toxicity", a, b]
    expected = refit.loc[("toxicity", "politicalmoderate")]
    assert effects["toxicity", a] - effects["toxicity", b] == pytest.approx(expected["estimate"], abs=1e-5)
    assert math.sqrt(variance) == pytest.approx(expected["std_error"], rel=1e-3)


def test_marginal_probabilities_follow_the_effect(analysis: DemographicAnalysis) -> None:
    table = analysis.marginal_probabilities().set_index(["dimension", "level"])["estimate"]
    assert table["toxicity", "male"] < table["toxicity", "female"] - 0.1


def test_variance_shares_leave_room_for_the_residual(analysis: DemographicAnalysis) -> None:
    totals = analysis.variances.groupby("dimension")["share"].sum()
    assert ((totals > 0) & (totals < 1)).all()


def test_published_values_stand_beside_the_same_contrasts_only(analysis: DemographicAnalysis) -> None:
    rows = percent_rows(analysis.rows, LABELS, published=True).set_index(["dimension", "label"])
    assert rows.loc[("toxicity", "male vs female"), "published"] == -18.0
    assert rows["published"].notna().sum() == 3
    assert percent_rows(analysis.rows, LABELS, published=False)["published"].isna().all()


def test_the_papers_table_one(analysis: DemographicAnalysis) -> None:
    table = predictor_table(analysis.rows, LABELS).set_index("dimension")
    assert table.loc["Toxicity", "gender"].startswith("male ↓ ***")
    assert list(table.columns) == list(analysis.factors)


def test_findings_say_who_and_how_much(analysis: DemographicAnalysis) -> None:
    findings = {f["id"]: f for f in analysis.findings(LABELS)}
    sentence = findings["effect_toxicity_gendermale"]["sentence"]
    assert sentence.startswith("Toxicity: men have ")
    assert "lower odds of a higher rating than women" in sentence
    assert "also after adjustment" in sentence


def test_those_who_did_not_state_a_factor_are_left_out_and_counted(config: StudyConfig, tables: RatingTables) -> None:
    participants = tables.participants.copy()
    silent = participants.index[::8]
    participants.loc[silent, "political"] = None
    people = protect(participants, config.factors, 10)
    fits = demographic_analysis(RatingTables(tables.ratings, tables.items, participants), people, config)
    lost = tables.ratings["participant_id"].isin(participants.loc[silent, "participant_id"])
    per_dimension = int((lost & (tables.ratings["dimension"] == "toxicity")).sum())
    assert fits.data["ratings left out"].tolist() == [f"{per_dimension:,}"] * 2
    assert "politicalnot stated" not in set(fits.effects["term"])


def test_numbers_that_would_count_out_a_few_people_are_not_shown(config: StudyConfig, tables: RatingTables) -> None:
    participants = tables.participants.copy()
    # 12 state no gender, 11 of the same and one more no politics: 13 left out, one more than state no gender.
    participants.loc[participants.index[:12], "gender"] = None
    participants.loc[participants.index[1:13], "political"] = None
    people = protect(participants, config.factors, 10)
    analysis = demographic_analysis(RatingTables(tables.ratings, tables.items, participants), people, config)
    assert set(analysis.data["participants"]) == {"not shown"}
    assert set(analysis.data["ratings left out"]) == {"not shown"}
    assert "missing" not in analysis.describe_notes()
    assert all(f["n"] is None for f in analysis.findings(LABELS) if f["id"].startswith("effect_"))


def test_with_nothing_to_compare_every_table_is_empty_and_says_why(config: StudyConfig, tables: RatingTables) -> None:
    alone = config.model_copy(update={"factors": {}})
    analysis = demographic_analysis(tables, protect(tables.participants, {}, 10), alone)
    assert "nothing to compare" in analysis.describe_notes()
    assert list(analysis.findings(LABELS)) == [] or analysis.effects.empty
    for name, table in {
        "effects_demographic": analysis.effects,
        "vcov_demographic": analysis.vcov,
        "variance_shares": analysis.variances,
        "marginal_probabilities": analysis.marginal_probabilities(),
        "proportional_odds": analysis.proportional_odds(),
    }.items():
        assert check_table(table, name).empty


def test_too_few_ratings_of_a_level_are_not_tested_for_proportional_odds(analysis: DemographicAnalysis) -> None:
    checks = analysis.proportional_odds()
    skipped = checks["note"].str.startswith("not tested")
    assert checks.loc[skipped, "p_value"].isna().all()
    assert checks.loc[~skipped, "p_value"].between(0, 1).all()


def test_a_separated_level_is_named_and_the_rest_stays(
    config: StudyConfig, tables: RatingTables, people: ProtectedParticipants
) -> None:
    participants = tables.participants.set_index("participant_id")
    hispanic = tables.ratings["participant_id"].map(participants["ethnicity"]) == "Hispanic"
    ratings = tables.ratings.assign(rating=tables.ratings["rating"].where(~hispanic, 1))
    fits = demographic_analysis(RatingTables(ratings, tables.items, tables.participants), people, config)
    rows = fits.rows[fits.rows["dimension"] == "toxicity"].set_index("term")
    term = next(t for t in rows.index if "Hispanic" in t or "other" in t)
    if rows.loc[term, "level"] == "Hispanic":
        assert pd.isna(rows.loc[term, "estimate"])
        assert rows.loc[term, "note"] == "not estimable"
        assert "Hispanic" in fits.describe_notes()
    assert rows.drop(index=term)["std_error"].notna().all()
