"""Which texts a judge is validated on, what it says of them, and findings from what came out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from plural_core.evaluation.calibration import calibration_tables
from plural_core.evaluation.judge_fit import fit_table
from plural_core.evaluation.judge_story import judge_findings
from plural_core.evaluation.judged import judge_items, judged_items, validation_items
from plural_core.evaluation.judges.base import FAILED, Ask, Judge, Verdict
from plural_core.evaluation.judges.lexicon import LexiconJudge
from plural_core.evaluation.judges.ratings_model import fit_ratings_judge
from plural_core.evaluation.validation import agreement_table
from plural_core.evaluation.validation_groups import group_tables
from plural_core.preferences.prompts import split_prompts
from plural_core.ratings.adapters import ingest
from plural_core.ratings.privacy import protect
from plural_core.ratings.schemas import check_table
from plural_core.ratings.tables import RatingTables
from plural_core.simulation import simulate
from plural_core.study import StudyConfig, load_study

DIMENSIONS = ["toxicity", "helpfulness"]


class Made(NamedTuple):
    config: StudyConfig
    tables: RatingTables
    splits: pd.DataFrame


class Fixed:
    """A judge that scores texts by their length, and fails where it is told to."""

    name = "fixed"
    dimensions = ("toxicity",)

    def __init__(self, silent: Sequence[int] = ()):
        self.silent = silent
        self.asked: list[Ask] = []

    def version(self, dimension: str) -> str:
        return "1"

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        self.asked += asks
        for index in reversed(range(len(asks))):
            if index not in self.silent:
                yield index, Verdict(min(len(asks[index].response), 200) / 200)


@pytest.fixture(scope="module")
def study() -> Made:
    judges = {
        "lexicon": {"kind": "lexicon"},
        "people": {"kind": "ratings_model"},
        "gpt": {"kind": "openai", "model": "m"},
    }
    config = StudyConfig.model_validate(
        {
            "study": "s",
            "simulation": {"participants": 200},
            "judges": judges,
            "evaluation": {"dimensions": DIMENSIONS},
            "prompts": {"train": 0.4, "judge": 0.6, "test": 0.0},
        }
    )
    tables = simulate(config).tables
    return Made(config, tables, split_prompts(tables.items, config))


def test_a_fitted_judge_is_not_asked_about_its_own_prompts(study: Made) -> None:
    own = set(study.splits.loc[study.splits["split"] == "judge", "prompt_id"])
    found = validation_items(*study, "people")
    assert not own & set(found["prompt_id"])
    everything = validation_items(*study, "lexicon")
    assert len(everything) == len(study.tables.items)
    assert set(everything["prompt_id"]) - set(found["prompt_id"]) == own


def test_a_draw_is_the_same_for_all_judges_and_prefers_items_with_pairs(study: Made) -> None:
    every = validation_items(*study, "gpt", most=40)
    assert len(every) == 40
    pd.testing.assert_frame_equal(every, validation_items(*study, "lexicon", most=40))
    # Leaving the split out keeps the order of the others.
    fitted = validation_items(*study, "people", most=40)
    assert set(every["item_id"]) & set(validation_items(*study, "people")["item_id"]) <= set(fitted["item_id"])
    lonely = study.tables.ratings.drop_duplicates(["item_id", "dimension"])
    paired = set(study.tables.items["item_id"].iloc[:30])
    ratings = study.tables.ratings[study.tables.ratings["item_id"].isin(paired)]
    rest = lonely[~lonely["item_id"].isin(paired)]
    tables = RatingTables(pd.concat([ratings, rest]), study.tables.items, study.tables.participants)
    drawn = validation_items(study.config, tables, study.splits, "gpt", most=30)
    two = tables.ratings.groupby(["item_id", "dimension"]).size().groupby("item_id").max().loc[drawn["item_id"]] >= 2
    assert two.sum() == min(30, (ratings.groupby(["item_id", "dimension"]).size().groupby("item_id").max() >= 2).sum())


def test_costs_are_bounded(study: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plural_core.evaluation.judged.MOST_ASKED", 7)
    monkeypatch.setattr("plural_core.evaluation.judged.MOST_ITEMS", 9)
    assert [len(validation_items(*study, name)) for name in ("gpt", "lexicon", "people")] == [7, 9, 9]


def test_scores_stand_beside_their_items(study: Made) -> None:
    judge = Fixed(silent=[1])
    assert isinstance(judge, Judge)
    items = validation_items(*study, "gpt", most=25)
    scores = check_table(judge_items(judge, items, study.tables.ratings), "judge_items")
    assert [ask.response for ask in judge.asked] == items["response"].tolist()
    expected = items.set_index("item_id")["response"].str.len().clip(upper=200) / 200
    by_item = scores.set_index("item_id")
    silent = items["item_id"].iloc[1]
    assert np.isnan(by_item.loc[silent, "score"]) and by_item.loc[silent, "reason"].startswith(FAILED)
    others = expected.drop(silent)
    np.testing.assert_allclose(by_item.loc[others.index, "score"], others)
    (judged,) = judged_items(scores, study.tables, study.config)
    assert (len(judged.score), judged.n_unscored) == (24, 1)
    wide = study.tables.ratings[study.tables.ratings["dimension"] == "toxicity"]
    wide = wide[wide["item_id"].isin(others.index)]
    assert judged.counts.sum() == len(wide)
    means = wide.groupby("item_id")["rating"].mean().sort_index()
    np.testing.assert_allclose(judged.counts @ np.arange(1, 6) / judged.counts.sum(axis=1), means)
    np.testing.assert_allclose(judged.score, others.sort_index())


def test_only_what_was_rated_on_a_dimension_is_asked(study: Made) -> None:
    items = validation_items(*study, "gpt", most=20)
    kept = items["item_id"].iloc[:5]
    ratings = study.tables.ratings
    ratings = ratings[(ratings["dimension"] != "toxicity") | ratings["item_id"].isin(kept)]
    assert judge_items(Fixed(), items, ratings)["item_id"].tolist() == kept.tolist()
    assert judge_items(Fixed(), items, ratings, []).empty


@pytest.fixture(scope="module")
def validated(study: Made) -> dict[str, pd.DataFrame]:
    config, tables, splits = study
    people = fit_ratings_judge(config, tables.ratings, tables.items, splits, "people", DIMENSIONS)
    judges: list[Judge] = [LexiconJudge.of("lexicon", config, DIMENSIONS), people]
    scores = pd.concat([judge_items(j, validation_items(*study, j.name), tables.ratings) for j in judges])
    judged = judged_items(scores, tables, config)
    rng = np.random.default_rng(0)
    bins, summary = calibration_tables(judged, draws=200, rng=rng)
    shown = protect(tables.participants, config.factors, 10)
    groups, contrasts = group_tables(judged, tables, config, shown, draws=200, rng=rng)
    return {
        "judge_agreement": agreement_table(judged, draws=200, rng=rng),
        "judge_calibration": bins,
        "judge_calibration_summary": summary,
        "judge_groups": groups,
        "judge_group_contrasts": contrasts,
        "judge_fit": fit_table(people, config, draws=200, rng=rng),
    }


def test_the_tables_keep_their_schemas(validated: dict[str, pd.DataFrame]) -> None:
    for name, table in validated.items():
        assert len(check_table(table, name)), name


def test_the_truth_is_the_better_judge(validated: dict[str, pd.DataFrame]) -> None:
    table = validated["judge_agreement"].query("measure == 'pearson' and comparison == 'judge-mean'")
    value = table.set_index(["judge", "dimension"])["estimate"]
    for dimension in DIMENSIONS:
        assert value["lexicon", dimension] > value["people", dimension] > 0.3


def test_findings_have_the_tables_numbers(study: Made, validated: dict[str, pd.DataFrame]) -> None:
    labels = {name: d.label for name, d in study.config.dimensions.items()}
    names = ("judge_agreement", "judge_calibration_summary", "judge_group_contrasts")
    found = {f["id"]: f for f in judge_findings(*(validated[n] for n in names), labels, validated["judge_fit"])}
    assert len(found) == 2 * 2 * 4 + 2 + 2
    table = validated["judge_agreement"].set_index(["judge", "dimension", "measure", "comparison"])
    side = found["judge_lexicon_toxicity_side"]
    row = table.loc[("lexicon", "toxicity", "side", "judge-rater")]
    assert (side["value"], side["ci_low"], side["n"]) == (row["estimate"], row["ci_low"], row["n_ratings"])
    two = table.loc[("lexicon", "toxicity", "side", "rater-rater"), "estimate"]
    assert re.match(
        rf"Toxicity: two raters of an answer are on the same side of the scale in {two:.1%} of cases, judge 'lexicon' "
        rf"and a rater in {row['estimate']:.1%} \({row['ci_low']:.1%} to {row['ci_high']:.1%}\); giving every",
        side["sentence"],
    )
    groups = found["judge_lexicon_groups"]
    pairs = validated["judge_group_contrasts"].query("judge == 'lexicon' and closer_low == closer_low")
    assert groups["n"] == len(pairs)
    assert groups["value"] == ((pairs["closer_low"] > 0) | (pairs["closer_high"] < 0)).sum()
    assert f"of {len(pairs)} comparisons" in groups["sentence"]
    assert "2 further pairs are not comparable: no common answers" in groups["sentence"]  # US and Germany
    assert all("nan" not in f["sentence"] for f in found.values())


def test_findings_where_nothing_can_be_said(study: Made) -> None:
    config, tables, _ = study
    single = RatingTables(tables.ratings.drop_duplicates(["item_id", "dimension"]), tables.items, tables.participants)
    items = validation_items(config, single, study.splits, "lexicon")
    judged = judged_items(judge_items(Fixed(silent=[0]), items, single.ratings), single, config)
    rng = np.random.default_rng(0)
    shown = protect(tables.participants, config.factors, 10)
    _, contrasts = group_tables(judged, single, config, shown, draws=20, rng=rng)
    agreement = agreement_table(judged, draws=20, rng=rng)
    _, summary = calibration_tables(judged, draws=20, rng=rng)
    found = list(judge_findings(agreement, summary, contrasts, {"toxicity": "Toxicity"}))
    assert "cannot be compared with raters" in found[0]["sentence"]
    assert "cannot be told" in found[-1]["sentence"]
    assert all("nan" not in f["sentence"] for f in found)
    assert list(judge_findings(agreement[:0], summary[:0], contrasts[:0], {})) == []


def test_several_dimensions_stand_in_the_config_s_order(study: Made) -> None:
    judge = LexiconJudge.of("lexicon", study.config, ["helpfulness", "toxicity"])
    scores = judge_items(judge, validation_items(*study, "lexicon", most=30), study.tables.ratings)
    assert [j.dimension for j in judged_items(scores, study.tables, study.config)] == ["toxicity", "helpfulness"]


@pytest.mark.real_data
def test_popquorn(real_data: Path, root: Path, tmp_path: Path) -> None:
    path = real_data / "popquorn" / "raw_data.csv"
    config = load_study(root / "configs" / "popquorn.yaml", [f"data.path={path}"], results=tmp_path).config
    tables = ingest(config).tables
    splits = split_prompts(tables.items, config)
    judge = fit_ratings_judge(config, tables.ratings, tables.items, splits)
    scores = judge_items(judge, validation_items(config, tables, splits, "ratings_model"), tables.ratings)
    judged = judged_items(scores, tables, config)
    rng = np.random.default_rng(0)
    table = agreement_table(judged, draws=200, rng=rng).set_index(["measure", "comparison"])
    assert table["n_items"].iloc[0] == 1192
    # Raters of POPQUORN agree little; the judge is worse than one of them, and better than nothing.
    assert 0.22 < table.loc[("alpha", "rater-rater"), "estimate"] < 0.33
    mean = table.loc[("pearson", "judge-mean")]
    assert 0.25 < mean["ci_low"] < mean["ci_high"] < 0.5
    people = protect(tables.participants, config.factors, 10)
    groups, contrasts = group_tables(judged, tables, config, people, draws=200, rng=rng)
    assert (groups["n_participants"].dropna() >= 10).all()
    assert (contrasts["note"] == "").all()
    assert check_table(groups, "judge_groups")["difference"].abs().max() < 0.2
