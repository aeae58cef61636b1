"""Reward models: they rank unseen texts as the truth does, see train prompts only, and say what they cannot do."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import plural_core.training
from plural_core.preferences import Condition, build_preferences, prepare
from plural_core.preferences.prompts import split_prompts, tuning_items
from plural_core.simulation import Lexicon, draw_corpus, simulate
from plural_core.study import StudyConfig
from plural_core.training.rewards import FEWEST_ITEMS, RewardModel, fit_rewards
from plural_core.training.trained import TrainingError

CONFIG = StudyConfig.model_validate(
    {
        "study": "rewards",
        "data": {"adapter": "simulation"},
        "simulation": {"participants": 400, "prompts": 200},
        "prompts": {"train": 0.8, "judge": 0.2, "test": 0.0},
    }
)
DIMENSIONS = ("toxicity", "emotional_awareness")


class World:
    """A simulated study, what its prompts are for, and a reward model of two dimensions."""

    def __init__(self) -> None:
        study = simulate(CONFIG)
        self.texts = tuning_items(study.tables.items, CONFIG)
        self.prompts = split_prompts(study.tables.items, CONFIG, study.truth["prompts_extra"])
        self.prepared = prepare(study.tables, CONFIG)
        self.train = set(self.prompts.loc[self.prompts["split"] == "train", "prompt_id"])
        self.labels = self.labelled(self.train)
        self.model = fit_rewards(self.labels, self.texts, self.prompts)

    def labelled(self, prompts: set[str] | None) -> pd.DataFrame:
        condition = Condition("both", DIMENSIONS, algorithm="grpo")
        return build_preferences(self.prepared, condition, prompts).labels


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def small(n: int = 40, seed: int = 0, per_prompt: int = 2) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return labels, texts and prompts: texts with 'kind' are good, those with 'rude' bad."""
    rng = np.random.default_rng(seed)
    filler = ["the", "answer", "says", "this", "or", "that", "may", "be", "so", "and", "then", "goes", "on"]
    good = np.arange(n) % 2 == 0
    texts = [" ".join([*rng.choice(filler, 8), "kind" if g else "rude", *rng.choice(filler, 4)]) for g in good]
    items = [f"i{k:03}" for k in range(n)]
    prompt = [f"q{k // per_prompt:03}" for k in range(n)]
    labels = pd.DataFrame(
        {"dimension": "care", "prompt_id": prompt, "item_id": items, "n_labels": 3, "reward": np.where(good, 0.9, 0.1)}
    )
    return (
        labels,
        pd.DataFrame({"item_id": items, "prompt_id": prompt, "response": texts}),
        pd.DataFrame({"prompt_id": sorted(set(prompt)), "split": "train"}),
    )


# --- what it predicts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_texts_that_nobody_rated_are_ranked_as_the_truth_ranks_them(
    world: World, dimension: str, language: str
) -> None:
    texts = draw_corpus(CONFIG, 150, language, "reward-test")["response"]
    texts = texts[~texts.isin(world.texts["response"])]
    lexicon = Lexicon.of(CONFIG)
    truth = np.array([lexicon.score(text, dimension, language) for text in texts])
    rewards = world.model.score(list(texts))[:, world.model.dimensions.index(dimension)]
    sign = -1 if dimension == "toxicity" else 1  # 1 is the best reward, and toxicity is bad
    assert len(texts) > 100
    assert sign * spearmanr(rewards, truth).statistic > 0.75


def test_obvious_texts(world: World) -> None:
    kind = ["I am sorry that you have to go through this. Du bist mit diesem Gefühl nicht allein."]
    toxicity, care = world.model.score([*kind, "Typisch, so reden nur Leute ohne Verstand."]).T
    assert care[0] > care[1]
    assert toxicity.min() >= 0.0 and toxicity.max() <= 1.0


def test_record_is_of_texts_that_the_fit_has_not_seen(world: World) -> None:
    frame = world.model.to_frame()
    assert list(frame["dimension"]) == list(DIMENSIONS)
    assert frame["r2"].between(0.3, 0.8).all()
    assert frame["spearman"].between(0.5, 0.95).all()
    assert (frame["n_items"] == world.labels.groupby("dimension").size().loc[frame["dimension"]].to_numpy()).all()
    assert (frame["n_prompts"] == world.labels["prompt_id"].nunique()).all()


def test_rewards_without_a_reason_are_not_predicted() -> None:
    labels, texts, prompts = small(200)
    labels["reward"] = np.random.default_rng(1).random(len(labels))
    model = fit_rewards(labels, texts, prompts)
    assert model.fits[0].r2 < 0.1
    assert np.ptp(model.score(list(texts["response"]))) < 0.5


def test_scores_lie_between_0_and_1() -> None:
    labels, texts, prompts = small()
    model = fit_rewards(labels, texts, prompts)
    extremes = ["kind " * 30, "rude " * 30, "kind", "rude", "", "!", "不 🙂", "unheard-of words"]
    scores = model.score(extremes)
    assert scores.shape == (len(extremes), 1)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[2] > scores[3]
    assert model.score([]).shape == (0, 1)


def test_more_labels_count_more() -> None:
    labels, texts, prompts = small()
    disputed = labels.assign(
        item_id=labels["item_id"] + "b", reward=1 - labels["reward"], prompt_id=labels["prompt_id"], n_labels=1
    )
    again = texts.assign(item_id=texts["item_id"] + "b")
    both = pd.concat([texts, again])
    trusted = pd.concat([labels.assign(n_labels=20), disputed])
    doubted = pd.concat([labels.assign(n_labels=1), disputed.assign(n_labels=20)])

    def gap(rated: pd.DataFrame) -> float:
        good, bad = fit_rewards(rated, both, prompts).score(["kind answer", "rude answer"])[:, 0]
        return float(good - bad)

    assert gap(trusted) > 0.1
    assert gap(doubted) < -0.1


def test_number_of_labels_counts_only_relatively() -> None:
    labels, texts, prompts = small()
    other = labels.assign(n_labels=labels["n_labels"] * 7)
    a, b = (fit_rewards(x, texts, prompts).score(list(texts["response"])) for x in (labels, other))
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_same_data_same_model() -> None:
    a, b = (fit_rewards(*small()) for _ in range(2))
    assert a.fingerprint == b.fingerprint
    assert a.fingerprint != fit_rewards(*small(seed=1)).fingerprint


# --- what it may see --------------------------------------------------------------------------------------------------


def test_only_train_prompts(world: World) -> None:
    assert world.model.prompt_ids == world.train & set(world.labels["prompt_id"])
    everything = world.labelled(None)
    assert set(everything["prompt_id"]) > world.train
    with pytest.raises(TrainingError, match="are not for training") as raised:
        fit_rewards(everything, world.texts, world.prompts)
    assert "\n" not in str(raised.value)


def test_other_texts_change_nothing(world: World) -> None:
    other = ~world.texts["prompt_id"].isin(world.train)
    assert other.any()
    changed = world.texts.assign(response=world.texts["response"].where(~other, "something else altogether"))
    assert fit_rewards(world.labels, changed, world.prompts).fingerprint == world.model.fingerprint


def test_nothing_that_judges_is_near() -> None:
    """No module on the way from ratings to a tuned model imports a judge, or the truth of a simulated world."""
    folder = Path(plural_core.training.__file__).parent
    ours = ["rewards", "grpo", "group_trainer", "grpo_settings", "answer_rewards", "answer_parts", "sampling"]
    allowed = {"plural_core.evaluation.traces", "plural_core.evaluation.unscorable"}  # what is no answer at all
    for name in ours:
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for module in modules:
                assert "judge" not in module and "lexicon" not in module, (name, module)
                assert not module.startswith("plural_core.evaluation") or module in allowed, (name, module)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_too_few_texts() -> None:
    labels, texts, prompts = small(FEWEST_ITEMS)
    assert fit_rewards(labels, texts, prompts).fits[0].n_items == FEWEST_ITEMS
    with pytest.raises(TrainingError, match="'care' has 19 rated texts") as raised:
        fit_rewards(labels.iloc[:-1], texts, prompts)
    assert "\n" not in str(raised.value)


def test_one_prompt_only() -> None:
    labels, texts, prompts = small(per_prompt=40)
    with pytest.raises(TrainingError, match="of 1 prompts"):
        fit_rewards(labels, texts, prompts)


def test_items_without_text_are_left_out() -> None:
    labels, texts, prompts = small(60)
    model = fit_rewards(labels, texts.iloc[:50], prompts)
    assert model.fits[0].n_items == 50
    with pytest.raises(TrainingError, match="no label belongs to an item with a text"):
        fit_rewards(labels, texts.iloc[:0], prompts)


def test_equal_rewards_are_predicted_as_they_are() -> None:
    labels, texts, prompts = small()
    model = fit_rewards(labels.assign(reward=0.25), texts, prompts)
    assert model.fits[0].constant
    assert np.isnan(model.fits[0].r2)
    np.testing.assert_array_equal(model.score(["kind", "anything"]), [[0.25], [0.25]])


def test_one_dimension_may_be_constant_and_items_may_differ() -> None:
    labels, texts, prompts = small(60)
    other = labels.iloc[:30].assign(dimension="calm", reward=1.0)
    model: RewardModel = fit_rewards(pd.concat([labels, other]), texts, prompts)
    assert model.dimensions == ("care", "calm")
    assert [fit.constant for fit in model.fits] == [False, True]
    assert model.score(["kind"])[0, 1] == 1.0
