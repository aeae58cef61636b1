"""Which prompts are for what, and what texts are tuned on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from plural_core.preferences.prompts import split_prompts, tuning_items
from plural_core.simulation import simulate
from plural_core.study import StudyConfig, load_study


def items(n: int, text: str = "one two three four five six") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item_id": [f"i{k}" for k in range(n)],
            "prompt_id": [f"q{k}" for k in range(n)],
            "prompt": None,
            "response": text,
            "language": "en",
        }
    )


def config(**more: object) -> StudyConfig:
    raw = {
        "study": "x",
        "data": {"adapter": "table", "path": "x.csv"},
        "dimensions": {"harm": {"label": "Harm", "high_is": "bad"}},
        "factors": {},
        **more,
    }
    return StudyConfig.model_validate(raw)


@pytest.mark.parametrize(
    ("judges", "wanted"),
    [
        ({"server": {"kind": "openai", "model": "m"}}, {"train": 80, "test": 20}),
        ({"fitted": {"kind": "ratings_model"}}, {"train": 60, "judge": 20, "test": 20}),
    ],
)
def test_shares_of_real_prompts(judges: dict[str, object], wanted: dict[str, int]) -> None:
    splits = split_prompts(items(100), config(judges=judges))
    assert splits["split"].value_counts().to_dict() == wanted
    assert splits["prompt_id"].is_unique


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    one = split_prompts(items(50), config(seed=1))
    assert one.equals(split_prompts(items(50).sample(frac=1.0, random_state=3), config(seed=1)))
    assert not one.equals(split_prompts(items(50), config(seed=2)))


def test_given_shares_are_kept() -> None:
    splits = split_prompts(items(10), config(prompts={"train": 0.5, "judge": 0.0, "test": 0.5}))
    assert splits["split"].value_counts().to_dict() == {"train": 5, "test": 5}


def test_a_simulated_study_trains_on_every_rated_prompt_and_tests_on_others(root: Path) -> None:
    study = load_study(root / "configs" / "tiny.yaml")
    made = simulate(study.config)
    splits = split_prompts(made.tables.items, study.config, made.truth["prompts_extra"])
    of = {split: set(part["prompt_id"]) for split, part in splits.groupby("split")}
    assert of["train"] == set(made.tables.items["prompt_id"])
    assert set(of) == {"train", "test", "acceptance"}
    texts = dict(zip(splits["prompt_id"], splits["prompt"], strict=True))
    assert not {texts[q] for q in of["train"]} & {texts[q] for q in of["test"] | of["acceptance"]}


def test_first_words_become_the_prompt_and_short_texts_are_left_out() -> None:
    both = pd.concat([items(2), items(1, "too short").assign(item_id="s", prompt_id="s")], ignore_index=True)
    made = tuning_items(both, config(prompts={"first_words": 4}))
    assert made["prompt"].tolist() == ["one two three four"] * 2
    assert made["response"].tolist() == ["five six"] * 2


def test_a_prompt_that_is_there_stays_whole() -> None:
    made = tuning_items(items(1).assign(prompt="Why?"), config(prompts={"first_words": 4}))
    assert made.loc[0, ["prompt", "response"]].tolist() == ["Why?", "one two three four five six"]


def test_without_texts_nothing_is_left() -> None:
    assert tuning_items(items(3).assign(response=None), config()).empty
    assert split_prompts(items(3).assign(response=None), config()).empty
