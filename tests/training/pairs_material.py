"""Pairs and texts for the tests of DPO: a few prompts with three answers each, and a base model that is quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from plural_core.preferences.build import COUNTERPART
from plural_core.study import Study
from plural_core.study.models_config import TinyConfig
from plural_core.study.training_config import TrainingConfig
from plural_core.training.families import architecture, new_model
from plural_core.training.groups import pair_texts
from plural_core.training.load import LoadedModel, assemble
from plural_core.training.reference import Reference, reference_log_probs
from plural_core.training.sequences import TokenSequence

WORDS = ("the", "sea", "was", "calm", "and", "a", "boat", "came", "home", "with", "bread", "for", "child", "in", "town")
MARKS = ("good", "", "bad")
"""What the answers to a prompt begin with, so that there is something to learn."""


def make_texts(n: int = 12, seed: int = 0, responses: int = 3) -> pd.DataFrame:
    """Return texts of `n` prompts with several answers of different lengths each."""
    rng = np.random.default_rng(seed)

    def words(low: int, high: int) -> str:
        return " ".join(rng.choice(WORDS, int(rng.integers(low, high))))

    rows = []
    for p in range(n):
        prompt = f"{words(2, 6)} {p}?"
        rows += [
            (f"i{p:03}{r}", f"q{p:03}", prompt, f"{MARKS[r % 3]} {words(1, 9)} {r}.".strip()) for r in range(responses)
        ]
    return pd.DataFrame(rows, columns=["item_id", "prompt_id", "prompt", "response"])


def make_pairs(texts: pd.DataFrame, seed: int = 0, largest: int = 6) -> pd.DataFrame:
    """Return merged pairs of all answers to a prompt, with random numbers of comparisons and shares."""
    rng = np.random.default_rng(seed)
    rows = []
    for prompt_id, group in texts.groupby("prompt_id"):
        items = list(group["item_id"])
        for a in range(len(items)):
            for b in range(a + 1, len(items)):
                n = int(rng.integers(1, largest + 1))
                wins = int(rng.integers((n + 1) // 2, n + 1))
                rows.append((prompt_id, items[a], items[b], n, wins / n))
    pairs = pd.DataFrame(rows, columns=["prompt_id", "chosen_item", "rejected_item", "n", "share"])
    pairs["pair_id"] = np.arange(len(pairs))
    pairs["weight"] = pairs["n"] / pairs["n"].mean()
    return pairs


def make_anchored(texts: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return pairs of each prompt's first answer against the counterpart, on either side, and the counterparts."""
    first = texts.drop_duplicates("prompt_id").reset_index(drop=True)
    better = np.arange(len(first)) % 2 == 0
    pairs = pd.DataFrame(
        {
            "prompt_id": first["prompt_id"],
            "chosen_item": np.where(better, first["item_id"], COUNTERPART),
            "rejected_item": np.where(better, COUNTERPART, first["item_id"]),
            "n": 2,
            "weight": 1.0,
            "share": 1.0,
        }
    )
    return pairs, dict.fromkeys(first["prompt_id"], "no answer at all.")


def unmerged(pairs: pd.DataFrame) -> list[tuple[str, str]]:
    """Return every comparison behind merged pairs as (chosen item, rejected item)."""
    rows = []
    for pair in pairs.itertuples():
        wins = round(pair.n * pair.share)
        rows += [(pair.chosen_item, pair.rejected_item)] * wins
        rows += [(pair.rejected_item, pair.chosen_item)] * (pair.n - wins)
    return rows


def small_model(family: str, seed: int = 0, **settings: Any) -> torch.nn.Module:
    """Return a random model of a family that is far from uniform, in eval mode."""
    config = architecture(
        family,
        TinyConfig(hidden=32, layers=2, heads=2, context=128),
        80,
        {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    )
    for name, value in settings.items():
        setattr(config, name, value)
    torch.manual_seed(seed)
    model = new_model(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def random_sequences(n_prompts: int, per_prompt: int, seed: int = 0, longest: int = 15) -> list[TokenSequence]:
    """Return sequences of random tokens, those of one prompt side by side."""
    rng = np.random.default_rng(seed)

    def tokens(low: int) -> tuple[int, ...]:
        return tuple(int(t) for t in rng.integers(3, 80, int(rng.integers(low, longest))))

    found = []
    for _ in range(n_prompts):
        prompt = tokens(1)
        found += [TokenSequence(prompt, (*tokens(0), 2)) for _ in range(per_prompt)]
    return found


def naive_log_probs(model: torch.nn.Module, sequences: list[TokenSequence]) -> torch.Tensor:
    """Return log-probabilities of responses, one sequence and one token at a time."""
    sums = []
    with torch.no_grad():
        for sequence in sequences:
            ids = torch.tensor([[*sequence.prompt, *sequence.response]])
            logs = model(input_ids=ids).logits[0].double().log_softmax(-1)
            start = len(sequence.prompt)
            sums.append(sum(logs[t - 1, ids[0, t]] for t in range(start, ids.shape[1])))
    return torch.stack(sums)


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that a fine-tune takes."""

    loaded: LoadedModel
    texts: pd.DataFrame
    pairs: pd.DataFrame
    reference: Reference
    training: TrainingConfig


def private_copy(loaded: LoadedModel, study: Study) -> LoadedModel:
    """Return a model of its own with the same weights."""
    import copy

    return assemble(
        loaded.family,
        copy.deepcopy(loaded.model),
        loaded.tokenizer,
        study.config.training.max_length,
        "cpu",
        loaded.fingerprint,
    )


def make_material(loaded: LoadedModel, n: int = 12, **dpo: Any) -> Material:
    """Return texts, pairs, their reference and settings for quick updates."""
    texts = make_texts(n)
    pairs = make_pairs(texts)
    chosen, rejected = pair_texts(pairs, texts)
    settings: dict[str, Any] = {"batch": 6, "learning_rate": 5e-3, "warmup": 0.0, **dpo}
    save_steps = settings.pop("save_steps", 50)
    training = TrainingConfig.model_validate({"device": "cpu", "save_steps": save_steps, "dpo": settings})
    return Material(loaded, texts, pairs, reference_log_probs(loaded, chosen + rejected), training)
