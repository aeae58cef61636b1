"""Effects: by hand on small tables, every declared contrast, what is missing, draws of the rater bootstrap."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from plural_core.errors import DataError
from plural_core.evaluation.effects import COLUMNS, condition_scores, effects_table
from plural_core.ratings.schemas import check_table
from plural_core.study import StudyConfig

CONFIG = StudyConfig.model_validate(
    {
        "study": "s",
        "models": {"families": ["qwen3", "llama"]},
        "conditions": {
            "all": {"dimensions": ["toxicity"]},
            "vote": {"dimensions": ["toxicity"], "aggregation": "majority"},
            "both": {"dimensions": ["toxicity", "emotional_awareness"]},
        },
        "experiments": {
            "handling": {
                "title": "Handling",
                "conditions": ["all", "vote"],
                "contrasts": {
                    "all minus vote": {"first": "all", "second": "vote", "dimension": "toxicity"},
                    "untouched": {"first": "all", "dimension": "toxicity"},
                },
            },
            "algorithm": {"title": "Algorithm", "conditions": ["both"]},
        },
        "judges": {"lexicon": {"kind": "lexicon"}},
    }
)
DIMENSIONS = ("toxicity", "emotional_awareness")
PROMPTS = [f"p{i}" for i in range(12)]
CONDITIONS = ("base", "all", "vote", "both")


def runs_of(
    families: tuple[str, ...] = ("qwen3", "llama"), seeds: tuple[int, ...] = (1,), replicates: int = 0
) -> pd.DataFrame:
    rows = [
        (f"{family}-{condition}-s{seed}-r{replicate}", family, condition, seed, replicate, "done")
        for family, condition, seed, replicate in itertools.product(families, CONDITIONS, seeds, range(replicates + 1))
        if condition != "base" or (seed == seeds[0] and replicate == 0)
    ]
    return pd.DataFrame(rows, columns=["run_id", "family", "condition", "seed", "replicate", "status"])


def scores_of(runs: pd.DataFrame, seed: int = 1, judges: tuple[str, ...] = ("lexicon",)) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (run, prompt, dimension, judge, rng.random(), "", "v")
        for run, prompt, dimension, judge in itertools.product(runs["run_id"], PROMPTS, DIMENSIONS, judges)
    ]
    names = ["run_id", "prompt_id", "dimension", "judge", "score", "reason", "judge_version"]
    return pd.DataFrame(rows, columns=names)


def value(scores: pd.DataFrame, run: str, dimension: str = "toxicity") -> np.ndarray:
    own = scores[(scores["run_id"] == run) & (scores["dimension"] == dimension)].set_index("prompt_id")
    return own["score"].reindex(PROMPTS).to_numpy()


def one(table: pd.DataFrame, contrast: str, family: str, dimension: str = "toxicity") -> pd.Series:
    found = table[(table["contrast"] == contrast) & (table["family"] == family) & (table["dimension"] == dimension)]
    assert len(found) == 1
    return found.iloc[0]


def without(scores: pd.DataFrame, run: str, *prompts: str, dimension: str = "toxicity") -> pd.DataFrame:
    """Return the scores with answers that cannot be scored."""
    gone = (scores["run_id"] == run) & scores["prompt_id"].isin(prompts) & (scores["dimension"] == dimension)
    return scores.assign(score=scores["score"].mask(gone), reason=scores["reason"].mask(gone, "unscorable: looping"))


def test_every_contrast_on_every_dimension_for_every_family() -> None:
    runs = runs_of()
    found = effects_table(scores_of(runs), runs, CONFIG)
    assert found.notes == ()
    table = found.to_frame()
    assert list(table.columns) == COLUMNS
    check_table(table, "effects", "10_evaluate")
    assert set(zip(table["experiment"], table["contrast"], strict=True)) == {
        ("handling", "all minus vote"),
        ("handling", "untouched"),  # declared against base under a name of its own: not added again
        ("handling", "vote - base"),
        ("algorithm", "both - base"),
    }
    assert len(table) == 4 * 2 * 2
    assert (table["n_prompts"] == 12).all()


def test_estimate_and_error_by_hand() -> None:
    runs = runs_of()
    scores = scores_of(runs).sample(frac=1.0, random_state=1)  # the order of rows says nothing
    table = effects_table(scores, runs, CONFIG).table
    for family, dimension in itertools.product(("qwen3", "llama"), DIMENSIONS):
        first = value(scores, f"{family}-all-s1-r0", dimension)
        second = value(scores, f"{family}-vote-s1-r0", dimension)
        row = one(table, "all minus vote", family, dimension)
        assert row["estimate"] == pytest.approx((first - second).mean())
        assert row["estimate"] / row["std_error"] == pytest.approx(stats.ttest_rel(first, second).statistic)
        assert row["bound_low"] == pytest.approx(row["estimate"])
        assert row["bound_high"] == pytest.approx(row["estimate"])


def test_unscorable_answers_are_left_out_counted_and_bounded() -> None:
    runs = runs_of(("llama",))
    scores = without(scores_of(runs), "llama-all-s1-r0", "p0", "p1")
    scores = without(scores, "llama-vote-s1-r0", "p1", "p2")
    row = one(effects_table(scores, runs, CONFIG).table, "all minus vote", "llama")
    first, second = value(scores, "llama-all-s1-r0"), value(scores, "llama-vote-s1-r0")
    assert row["estimate"] == pytest.approx((first - second)[3:].mean())
    assert (row["n_prompts"], row["n_unscorable"]) == (9, 3)
    low = np.where(np.isnan(first), 0.0, first) - np.where(np.isnan(second), 1.0, second)
    high = np.where(np.isnan(first), 1.0, first) - np.where(np.isnan(second), 0.0, second)
    assert (row["bound_low"], row["bound_high"]) == pytest.approx((low.mean(), high.mean()))
    # Another dimension and another contrast know nothing of it.
    table = effects_table(scores, runs, CONFIG).table
    assert one(table, "all minus vote", "llama", "emotional_awareness")["n_unscorable"] == 0
    assert one(table, "both - base", "llama")["n_unscorable"] == 0


def test_a_score_that_a_judge_failed_to_give_is_missing_too() -> None:
    runs = runs_of(("llama",))
    scores = without(scores_of(runs), "llama-all-s1-r0", "p3")
    scores["reason"] = scores["reason"].replace("unscorable: looping", "failed: time-out")
    assert one(effects_table(scores, runs, CONFIG).table, "untouched", "llama")["n_unscorable"] == 1


def test_an_answer_that_is_not_in_the_table_counts_as_missing() -> None:
    runs = runs_of(("llama",))
    scores = scores_of(runs)
    gone = (scores["run_id"] == "llama-all-s1-r0") & (scores["prompt_id"] == "p3")
    row = one(effects_table(scores[~gone], runs, CONFIG).table, "untouched", "llama")
    assert (row["n_prompts"], row["n_unscorable"]) == (11, 1)
    # A prompt that neither side was asked is none of this contrast's.
    both = gone | ((scores["run_id"] == "llama-base-s1-r0") & (scores["prompt_id"] == "p3"))
    row = one(effects_table(scores[~both], runs, CONFIG).table, "untouched", "llama")
    assert (row["n_prompts"], row["n_unscorable"]) == (11, 0)


def test_seeds_are_averaged_within_a_prompt_first() -> None:
    runs = runs_of(seeds=(1, 2, 3))
    scores = scores_of(runs)
    row = one(effects_table(scores, runs, CONFIG).table, "untouched", "llama")
    tuned = np.mean([value(scores, f"llama-all-s{seed}-r0") for seed in (1, 2, 3)], axis=0)
    difference = tuned - value(scores, "llama-base-s1-r0")
    assert row["estimate"] == pytest.approx(difference.mean())
    assert row["std_error"] == pytest.approx(stats.sem(difference))
    assert row["n_prompts"] == 12
    # One seed's answer cannot be scored: the prompt stays, by its other seeds, and the bounds open.
    row = one(effects_table(without(scores, "llama-all-s2-r0", "p0"), runs, CONFIG).table, "untouched", "llama")
    assert (row["n_prompts"], row["n_unscorable"]) == (12, 0)
    assert row["bound_high"] - row["bound_low"] == pytest.approx(1 / 3 / 12)


def test_draws_of_the_rater_bootstrap_are_apart_and_share_the_base_model() -> None:
    runs = runs_of(replicates=2)
    scores = scores_of(runs)
    alone = runs[runs["replicate"] == 0]
    pd.testing.assert_frame_equal(
        effects_table(scores, runs, CONFIG).table,
        effects_table(scores[scores["run_id"].isin(alone["run_id"])], alone, CONFIG).table,
    )
    again = effects_table(scores, runs, CONFIG, replicate=2)
    assert again.notes == ()
    row = one(again.table, "untouched", "llama")
    difference = value(scores, "llama-all-s1-r2") - value(scores, "llama-base-s1-r0")
    assert row["estimate"] == pytest.approx(difference.mean())
    assert len(condition_scores(scores, runs)) == len(condition_scores(scores, runs, replicate=2)) == 2 * 4 * 2


def test_identical_answers_differ_by_nothing_without_error() -> None:
    runs = runs_of(("llama",))
    scores = scores_of(runs)
    same = scores["run_id"] == "llama-all-s1-r0"
    scores.loc[same, "score"] = scores.loc[scores["run_id"] == "llama-vote-s1-r0", "score"].to_numpy()
    row = one(effects_table(scores, runs, CONFIG).table, "all minus vote", "llama")
    assert (row["estimate"], row["std_error"]) == (0.0, 0.0)


def test_one_prompt_has_no_error_and_none_no_estimate() -> None:
    runs = runs_of(("llama",))
    scores = scores_of(runs)
    row = one(effects_table(scores[scores["prompt_id"] == "p0"], runs, CONFIG).table, "untouched", "llama")
    assert row["n_prompts"] == 1
    assert np.isfinite(row["estimate"])
    assert np.isnan(row["std_error"])
    table = effects_table(without(scores, "llama-all-s1-r0", *PROMPTS), runs, CONFIG).table
    row = one(table, "untouched", "llama")
    assert (row["n_prompts"], row["n_unscorable"]) == (0, 12)
    assert np.isnan(row["estimate"])
    assert row["bound_high"] - row["bound_low"] == pytest.approx(1.0)
    check_table(table, "effects", "10_evaluate")


def test_what_is_missing_is_named_and_the_rest_is_there() -> None:
    runs = runs_of()
    runs.loc[runs["run_id"] == "qwen3-vote-s1-r0", "status"] = "failed"
    scores = scores_of(runs[runs["status"] == "done"])
    found = effects_table(scores, runs, CONFIG)
    assert found.notes == ("qwen3: no scores of vote (failed); effects of these are without this family.",)
    table = found.table
    assert set(table.loc[table["contrast"] == "vote - base", "family"]) == {"llama"}
    assert set(table.loc[table["contrast"] == "untouched", "family"]) == {"llama", "qwen3"}
    only = effects_table(scores[scores["run_id"].str.startswith("llama")], runs, CONFIG)
    assert only.notes == ("qwen3: no run has scores, so this family is in no effect.",)
    half = effects_table(scores[scores["dimension"] == "toxicity"], runs_of(("llama", "qwen3")), CONFIG)
    assert half.notes[-1] == "judge 'lexicon' has scored nothing on emotional_awareness."


def test_no_scores_at_all() -> None:
    runs = runs_of()
    found = effects_table(scores_of(runs).iloc[:0], runs, CONFIG)
    assert len(found.notes) == 2
    check_table(found.table, "effects", "10_evaluate")
    assert found.table.empty
    assert condition_scores(scores_of(runs).iloc[:0], runs).empty
    assert effects_table(scores_of(runs), runs.iloc[:0], CONFIG).table.empty


def test_other_families_judges_and_runs_are_left_out() -> None:
    runs = runs_of(("llama", "qwen3", "phi3"))
    scores = scores_of(runs, judges=("lexicon", "an_old_one"))
    table = effects_table(scores, runs, CONFIG).table
    assert set(table["family"]) == {"llama", "qwen3"}
    assert set(table["judge"]) == {"lexicon"}
    strange = scores.iloc[:5].assign(run_id="of another study")
    pd.testing.assert_frame_equal(table, effects_table(pd.concat([scores, strange]), runs, CONFIG).table)


def test_bad_tables() -> None:
    runs = runs_of()
    scores = scores_of(runs)
    with pytest.raises(DataError, match="scores: column 'judge' is missing"):
        effects_table(scores.drop(columns="judge"), runs, CONFIG)
    with pytest.raises(DataError, match="runs: column 'family' is missing"):
        effects_table(scores, runs.drop(columns="family"), CONFIG)
    with pytest.raises(DataError, match="scores: lexicon scores the answer of run 'qwen3-base-s1-r0' to prompt 'p0'"):
        condition_scores(pd.concat([scores, scores.iloc[:1]]), runs)


def test_mean_scores_of_conditions() -> None:
    runs = runs_of(seeds=(1, 2))
    scores = without(scores_of(runs), "llama-base-s1-r0", "p5")
    found = condition_scores(scores, runs)
    own = found[(found["dimension"] == "toxicity") & (found["judge"] == "lexicon")]
    assert own["family"].tolist() == ["qwen3"] * 4 + ["llama"] * 4
    assert own["condition"].tolist() == list(CONDITIONS) * 2
    base = own[(own["family"] == "llama") & (own["condition"] == "base")].iloc[0]
    known = np.delete(value(scores, "llama-base-s1-r0"), 5)
    assert (base["mean"], base["std_error"]) == pytest.approx((known.mean(), stats.sem(known)))
    assert (base["n_prompts"], base["n_unscorable"]) == (11, 1)
    tuned = own[(own["family"] == "llama") & (own["condition"] == "both")].iloc[0]
    seeds = np.mean([value(scores, f"llama-both-s{seed}-r0") for seed in (1, 2)], axis=0)
    assert (tuned["mean"], tuned["std_error"]) == pytest.approx((seeds.mean(), stats.sem(seeds)))


def test_means_and_effects_agree() -> None:
    runs = runs_of()
    scores = scores_of(runs)
    means = condition_scores(scores, runs).set_index(["family", "condition", "dimension"])["mean"]
    for row in effects_table(scores, runs, CONFIG).table.itertuples():
        if row.contrast == "all minus vote":
            first, second = (means[row.family, condition, row.dimension] for condition in ("all", "vote"))
            assert row.estimate == pytest.approx(first - second)
