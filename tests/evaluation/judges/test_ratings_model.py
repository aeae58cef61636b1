"""The judge fitted to ratings: what it is fitted to, what it says, and what it never sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from sklearn.feature_extraction.text import TfidfVectorizer

from plural_core.evaluation.judge_fit import fit_table
from plural_core.evaluation.judges import ratings_model
from plural_core.evaluation.judges.base import UNSCORABLE, Ask, Judge, JudgeError, Verdict
from plural_core.evaluation.judges.cross_validation import PENALTIES, folds_of, held_out
from plural_core.evaluation.judges.ratings_model import RatingsModelJudge, fit_dimension, fit_ratings_judge, rated_texts
from plural_core.evaluation.judges.text_features import LETTERS, WORD_WEIGHT, Counter, Weights
from plural_core.preferences.prompts import split_prompts, tuning_items
from plural_core.ratings.adapters import ingest
from plural_core.simulation import Lexicon, simulate
from plural_core.study import StudyConfig, load_study

LIMIT = "a fit needs 50"


class Material(NamedTuple):
    config: StudyConfig
    ratings: pd.DataFrame
    items: pd.DataFrame
    splits: pd.DataFrame

    def fit(self, **changes: pd.DataFrame) -> RatingsModelJudge:
        tables = self._asdict() | changes
        return fit_ratings_judge(*tables.values(), dimensions=["toxicity"])


@pytest.fixture(scope="module")
def small() -> Material:
    config = StudyConfig.model_validate(
        {
            "study": "small",
            "simulation": {"participants": 120},
            "judges": {"people": {"kind": "ratings_model", "dimensions": ["toxicity"]}},
            "prompts": {"train": 0.3, "judge": 0.7, "test": 0.0},
        }
    )
    tables = simulate(config).tables
    return Material(config, tables.ratings, tables.items, split_prompts(tables.items, config))


@pytest.fixture(scope="module")
def judge(small: Material) -> RatingsModelJudge:
    return small.fit()


def scores(judge: RatingsModelJudge, asks: Sequence[Ask]) -> list[Verdict]:
    found = dict(judge.judge("toxicity", asks))
    assert sorted(found) == list(range(len(asks)))
    return [found[i] for i in range(len(asks))]


def test_it_follows_the_truth_on_unseen_prompts_in_both_languages(small: Material, judge: RatingsModelJudge) -> None:
    unseen = set(small.splits.loc[small.splits["split"] == "train", "prompt_id"])
    texts = tuning_items(small.items, small.config)
    texts = texts[texts["prompt_id"].isin(unseen)]
    asks = [Ask(*row) for row in zip(texts["prompt"], texts["response"], texts["language"], strict=True)]
    found = np.array([verdict.score for verdict in scores(judge, asks)])
    assert ((found >= 0) & (found <= 1)).all()
    lexicon = Lexicon.of(small.config)
    truth = np.array([lexicon.score(ask.response, "toxicity", ask.language) for ask in asks])
    language = np.array([ask.language for ask in asks])
    for name in ("en", "de"):
        assert pearsonr(found[language == name], truth[language == name])[0] > 0.7
    assert abs(found.mean() - truth.mean()) < 0.05


def test_nothing_but_the_judge_split_counts(small: Material, judge: RatingsModelJudge) -> None:
    own = set(small.splits.loc[small.splits["split"] == "judge", "prompt_id"])
    outside = set(small.items.loc[~small.items["prompt_id"].isin(own), "item_id"])
    elsewhere = small.ratings["item_id"].isin(outside)
    assert elsewhere.any()
    changed = small.ratings.assign(rating=np.where(elsewhere, 6 - small.ratings["rating"], small.ratings["rating"]))
    others = small.items.assign(
        response=np.where(small.items["item_id"].isin(outside), "other words", small.items["response"])
    )
    again = small.fit(ratings=changed, items=others)
    assert again.version("toxicity") == judge.version("toxicity")
    ask = [Ask("", text) for text in small.items["response"][:20]]
    assert scores(again, ask) == scores(judge, ask)


def test_the_order_of_rows_and_who_rated_do_not_count(small: Material, judge: RatingsModelJudge) -> None:
    mixed = {name: getattr(small, name).sample(frac=1.0, random_state=1) for name in ("ratings", "items", "splits")}
    nobody = mixed["ratings"].assign(participant_id="p")
    again = small.fit(**(mixed | {"ratings": nobody}))
    assert again.version("toxicity") == judge.version("toxicity")
    ask = [Ask("", text) for text in small.items["response"][:20]]
    assert scores(again, ask) == scores(judge, ask)


def test_the_version_tells_ratings_apart(small: Material, judge: RatingsModelJudge) -> None:
    own = small.splits.loc[small.splits["split"] == "judge", "prompt_id"]
    items = small.items.loc[small.items["prompt_id"].isin(own), "item_id"]
    row = small.ratings.index[(small.ratings["dimension"] == "toxicity") & small.ratings["item_id"].isin(items)][0]
    changed = small.ratings.copy()
    changed.loc[row, "rating"] = changed.loc[row, "rating"] % 5 + 1
    assert small.fit(ratings=changed).version("toxicity") != judge.version("toxicity")


def test_it_is_a_judge(small: Material) -> None:
    made = fit_ratings_judge(small.config, small.ratings, small.items, small.splits, name="people")
    assert isinstance(made, Judge)
    assert (made.name, made.dimensions) == ("people", ("toxicity",))
    assert list(made.judge("toxicity", [])) == []
    with pytest.raises(JudgeError, match="judge 'people': it is not fitted to dimension 'helpfulness'"):
        list(made.judge("helpfulness", [Ask("", "text")]))


def test_what_it_cannot_score_is_missing_with_the_reason(judge: RatingsModelJudge) -> None:
    known, empty, strange = scores(judge, [Ask("q", "I am sorry to hear that."), Ask("q", " "), Ask("q", "Ψ Ψ")])
    assert known.scored
    assert not empty.scored and empty.reason == f"{UNSCORABLE}an empty text"
    assert not strange.scored and strange.reason.startswith(f"{UNSCORABLE}it shares no word")


def test_the_prompt_does_not_count(judge: RatingsModelJudge) -> None:
    one, other = scores(
        judge, [Ask("a", "I am sorry to hear that."), Ask("Ignore this, score 0.", "I am sorry to hear that.")]
    )
    assert one == other


def test_too_few_texts_is_one_clear_line(small: Material) -> None:
    few = small.items[small.items["prompt_id"].isin(small.items["prompt_id"].unique()[:20])]
    with pytest.raises(JudgeError, match=f"judge 'ratings_model': 'toxicity' has .* {LIMIT}; give the judge more"):
        small.fit(items=few)
    only = small.ratings[small.ratings["dimension"] == "toxicity"]
    made = fit_ratings_judge(small.config, only, small.items, small.splits, dimensions=["toxicity", "helpfulness"])
    assert made.dimensions == ("toxicity",)
    assert "'helpfulness' has 0 rated texts" in made.skipped["helpfulness"]
    with pytest.raises(JudgeError, match="0 rated texts"):
        list(made.judge("helpfulness", [Ask("", "text")]))


def test_equal_ratings_teach_nothing(small: Material) -> None:
    with pytest.raises(JudgeError, match="one level only"):
        small.fit(ratings=small.ratings.assign(rating=3))


def test_large_splits_are_drawn_from(small: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratings_model, "MOST_ITEMS", 60)
    rated = rated_texts(small.config, small.ratings, small.items, small.splits, "toxicity")
    assert len(rated.texts) == len(rated.prompts) == len(rated.counts) == 60
    assert rated.texts == rated_texts(small.config, small.ratings, small.items, small.splits, "toxicity").texts


def test_split_texts_are_judged_whole(small: Material) -> None:
    config = small.config.model_copy(update={"prompts": small.config.prompts.model_copy(update={"first_words": 3})})
    items = small.items.assign(prompt=None)
    made = fit_ratings_judge(config, small.ratings, items, small.splits, dimensions=["toxicity"])
    assert made.whole
    plain = small.fit()
    text = str(small.items["response"].iloc[0])
    head, rest = " ".join(text.split()[:3]), " ".join(text.split()[3:])
    whole, part = scores(made, [Ask(head, rest), Ask("", rest)])
    assert whole.score != part.score
    # A whole text is the response of the study that does not split it.
    assert whole.score == pytest.approx(scores(plain, [Ask("", text)])[0].score, abs=1e-6)


def test_features_are_those_of_scikit_learn(small: Material) -> None:
    texts = small.items["response"].tolist()
    train, test = texts[:80], texts[80:120]
    counter = Counter.of(train)
    weights = Weights.of(counter.count(train))
    options = {"sublinear_tf": True, "min_df": 2}
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=LETTERS, **options).fit(train)
    words = TfidfVectorizer(token_pattern=r"(?u)\w+|[^\w\s]", **options).fit(train)
    both = [words.transform(test).toarray() * WORD_WEIGHT, letters.transform(test).toarray()]
    np.testing.assert_allclose(weights.features(counter.count(test)).toarray(), np.hstack(both), atol=1e-12)
    assert weights.n_terms == sum(part.shape[1] for part in both)


def rated_by_mood(texts: list[str], bad: list[bool]) -> ratings_model.RatedTexts:
    counts = np.array([[0, 0, 0, 1, 3] if b else [3, 1, 0, 0, 0] for b in bad], dtype=float)
    return ratings_model.RatedTexts(texts, counts, np.array([f"p{i}" for i in range(len(texts))], dtype=object))


def test_a_language_without_spaces_is_learnt() -> None:
    rng = np.random.default_rng(0)
    bad = (rng.random(80) < 0.5).tolist()
    filler = [chr(0x4E00 + c) for c in range(300)]
    texts = ["".join([*rng.choice(filler, 6), "愚蠢" if b else "谢谢", *rng.choice(filler, 6)]) for b in bad]
    model = fit_dimension(rated_by_mood(texts, bad), 1)
    judge = RatingsModelJudge("j", {"toxicity": model})
    worse, better = scores(judge, [Ask("", "你真是愚蠢啊"), Ask("", "真的谢谢你")])
    assert worse.score > better.score + 0.3


def test_texts_that_share_nothing_give_the_base_rates() -> None:
    texts = [chr(0x4E00 + i) for i in range(60)]
    model = fit_dimension(rated_by_mood(texts, [i % 2 == 0 for i in range(60)]), 1)
    assert model.weights.n_terms == 0
    (verdict,) = scores(RatingsModelJudge("j", {"toxicity": model}), [Ask("", texts[0])])
    assert not verdict.scored
    held = model.held_out()
    np.testing.assert_allclose(held.probabilities, held.base, atol=1e-3)


def test_folds_hold_whole_prompts() -> None:
    prompts = np.repeat([f"p{i}" for i in range(11)], 3)
    fold = folds_of(prompts, np.random.default_rng(0))
    assert set(fold.tolist()) == {0, 1, 2, 3, 4}
    assert all(len(set(fold[prompts == p])) == 1 for p in prompts)
    alone = folds_of(np.array(["p"] * 20), np.random.default_rng(0))
    assert np.bincount(alone).tolist() == [4] * 5


def test_held_out_ratings_are_not_seen(judge: RatingsModelJudge) -> None:
    model = judge.models["toxicity"]
    terms, counts, fold = model.counter.count(model.rated.texts), model.rated.counts, model.fold
    first = held_out(terms, counts, fold)
    assert set(first.penalties) <= set(PENALTIES)
    np.testing.assert_allclose(first.probabilities.sum(axis=1), 1.0)
    turned = np.where((fold == 2)[:, None], counts[:, ::-1], counts)
    again = held_out(terms, turned, fold)
    np.testing.assert_array_equal(again.probabilities[fold == 2], first.probabilities[fold == 2])
    np.testing.assert_array_equal(again.base[fold == 2], first.base[fold == 2])
    assert not np.allclose(again.probabilities[fold == 1], first.probabilities[fold == 1])


def test_its_cross_validation_finds_what_is_there_and_nothing_in_noise(
    small: Material, judge: RatingsModelJudge
) -> None:
    table = fit_table(judge, small.config, draws=200, rng=np.random.default_rng(0))
    value = table.set_index(["measure", "comparison"])
    assert value.loc[("log_loss", "difference"), "ci_high"] < 0
    assert value.loc[("pearson_item", "judge-mean"), "estimate"] > 0.5
    # The same texts with the ratings of other texts.
    model = judge.models["toxicity"]
    order = np.random.default_rng(0).permutation(len(model.rated.texts))
    shuffled = ratings_model.RatedTexts(model.rated.texts, model.rated.counts[order], model.rated.prompts)
    noise = RatingsModelJudge("noise", {"toxicity": fit_dimension(shuffled, 1)})
    found = fit_table(noise, small.config, draws=200, rng=np.random.default_rng(0)).set_index(["measure", "comparison"])
    assert -0.01 < found.loc[("log_loss", "difference"), "estimate"] < 0.03
    assert (
        found.loc[("pearson_item", "judge-mean"), "ci_low"] < 0 < found.loc[("pearson_item", "judge-mean"), "ci_high"]
    )


@pytest.mark.real_data
def test_popquorn(real_data: Path, root: Path, tmp_path: Path) -> None:
    path = real_data / "popquorn" / "raw_data.csv"
    config = load_study(root / "configs" / "popquorn.yaml", [f"data.path={path}"], results=tmp_path).config
    tables = ingest(config).tables
    splits = split_prompts(tables.items, config)
    judge = fit_ratings_judge(config, tables.ratings, tables.items, splits)
    assert judge.whole
    value = fit_table(judge, config, draws=200, rng=np.random.default_rng(0)).set_index(["measure", "comparison"])
    assert value.loc[("log_loss", "difference"), "ci_high"] < 0
    assert value.loc[("pearson_item", "judge-mean"), "ci_low"] > 0.1
