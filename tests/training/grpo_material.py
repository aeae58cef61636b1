"""Labels, texts and settings for the tests of GRPO, and a base model whose answers end soon."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from plural_core.preferences.condition import Budget
from plural_core.study import Study
from plural_core.study.training_config import TrainingConfig
from plural_core.training.grpo import train_grpo
from plural_core.training.load import LoadedModel
from plural_core.training.rewards import RewardModel, fit_rewards
from plural_core.training.trained import Trained
from tests.training.pairs_material import private_copy

FILLER = ["the", "answer", "says", "this", "or", "that", "may", "be", "so", "and", "then", "goes", "on"]


def labelled_texts(
    n: int = 40, seed: int = 0, per_prompt: int = 2, dimensions: tuple[str, ...] = ("care",)
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return labels, texts and prompts: texts with 'kind' are good in the first dimension, those with 'rude' bad.

    In a second dimension long texts are the good ones.
    """
    rng = np.random.default_rng(seed)
    good = np.arange(n) % 2 == 0
    length = rng.integers(2, 9, n)
    texts = [
        " ".join([*rng.choice(FILLER, k), "kind" if g else "rude", *rng.choice(FILLER, 2)])
        for g, k in zip(good, length, strict=True)
    ]
    items = [f"i{k:03}" for k in range(n)]
    prompt_ids = [f"q{k // per_prompt:03}" for k in range(n)]
    prompts = [f"what {'of ' * (k // per_prompt % 4)}number {k // per_prompt}?" for k in range(n)]
    rewards = [np.where(good, 0.9, 0.1), (length - 2) / 6]
    labels = [
        pd.DataFrame({"dimension": name, "prompt_id": prompt_ids, "item_id": items, "n_labels": 3, "reward": reward})
        for name, reward in zip(dimensions, rewards, strict=False)
    ]
    return (
        pd.concat(labels, ignore_index=True),
        pd.DataFrame({"item_id": items, "prompt_id": prompt_ids, "prompt": prompts, "response": texts}),
        pd.DataFrame({"prompt_id": sorted(set(prompt_ids)), "split": "train"}),
    )


def short_answers(loaded: LoadedModel, study: Study) -> LoadedModel:
    """Return a copy of a model that ends its answers at any of many tokens, so that most of them are whole."""
    copy = private_copy(loaded, study)
    text = "the a an and or is are you it of to in der die das und ist ein . ? ! e n s t r i d h a o"
    ends = {token for word in text.split() for token in loaded.tokenizer(f" {word}")["input_ids"]}
    copy.model.generation_config.eos_token_id = sorted({*copy.chat.stop_ids, *ends})
    return copy


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that a fine-tune takes."""

    loaded: LoadedModel
    labels: pd.DataFrame
    texts: pd.DataFrame
    prompts: pd.DataFrame
    rewards: RewardModel | None
    training: TrainingConfig

    def run(self, folder: Path, budget: Budget | None = None, seed: int = 1, **further: Any) -> Trained:
        return train_grpo(
            self.loaded,
            self.labels,
            self.texts,
            self.prompts,
            self.training,
            budget or Budget("steps", 6),
            seed,
            folder,
            rewards=self.rewards,
            **further,
        )


def make_material(
    loaded: LoadedModel, n: int = 40, dimensions: tuple[str, ...] = ("care", "calm"), save_steps: int = 50, **grpo: Any
) -> Material:
    """Return labels, texts, rewards and settings for quick updates."""
    tables = labelled_texts(n, dimensions=dimensions)
    settings: dict[str, Any] = {
        "prompts_per_step": 3,
        "num_generations": 4,
        "max_new_tokens": 16,
        "learning_rate": 5e-3,
        "warmup": 0.0,
        **grpo,
    }
    training = TrainingConfig.model_validate({"device": "cpu", "save_steps": save_steps, "grpo": settings})
    return Material(loaded, *tables, fit_rewards(*tables), training)
