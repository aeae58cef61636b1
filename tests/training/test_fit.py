"""The training loop of tiny base models."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from plural_core.study.models_config import TinyConfig
from plural_core.training.families import architecture, new_model
from plural_core.training.fit import Fit, collate, fit, order_of, rate
from plural_core.training.trained import TrainingError

SETTINGS = TinyConfig(hidden=32, layers=1, heads=2, vocabulary=300, context=64, batch=8, steps=120, learning_rate=0.02)
SEQUENCES = [([3, 10 + n % 5, 4], [20 + n % 5, 30 + n % 5, 2]) for n in range(40)]
"""The response is decided by the prompt."""


def new(seed: int = 0) -> PreTrainedModel:
    torch.manual_seed(seed)
    return new_model(architecture("llama", SETTINGS, 300, {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}))


def trained(seed: int) -> tuple[PreTrainedModel, Fit]:
    model = new()
    return model, fit(model, SEQUENCES, SETTINGS, seed)


def test_it_learns_what_can_be_learned_and_the_same_seed_gives_the_same_model() -> None:
    (model, made), (again, same), (other, _) = trained(1), trained(1), trained(2)
    assert made.steps == 120
    assert made.loss < 0.05, "from log(300) = 5.7 to nearly nothing: the response follows from the prompt"
    assert same.loss == made.loss
    equal = [torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True)]
    assert all(equal)
    assert not all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    assert not model.training


def test_a_loss_that_is_no_number_stops_it_with_one_line() -> None:
    model = new()
    with torch.no_grad():
        next(model.parameters())[5] = float("inf")
    with pytest.raises(TrainingError, match=r"loss .* is nan after 0 updates.*learning_rate"):
        fit(model, [([3, 5], [5, 2])] * 8, SETTINGS, 1)


def test_progress_is_told_after_every_update() -> None:
    seen: list[int] = []
    fit(new(), SEQUENCES, SETTINGS.model_copy(update={"steps": 5}), 1, seen.append)
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("n", "batch"), [(40, 8), (41, 8), (300, 4), (3, 8)])
def test_every_text_comes_once_per_pass_and_like_lengths_together(n: int, batch: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 100, n).tolist()
    batches = order_of(lengths, batch, np.random.default_rng(1))
    per_pass = (
        -(-n // batch) if n <= 16 * batch else sum(-(-min(16 * batch, n - s) // batch) for s in range(0, n, 16 * batch))
    )
    first, second = list(islice(batches, per_pass)), list(islice(batches, per_pass))
    for one in (first, second):
        assert sorted(i for b in one for i in b) == list(range(n))
    assert max(len(b) for b in first) <= batch
    if n > 4 * batch:
        assert first != second
        within = np.mean([np.ptp([lengths[i] for i in b]) for b in first])
        assert within < 40, "lengths from 1 to 99 in random batches would differ by more"


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = [rate(step, 200) for step in range(200)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[19] == rates[20] == 1.0
    assert np.all(np.diff(rates[20:]) < 0)
    assert rates[-1] < 1e-3
    assert rate(0, 1) == 1.0


def test_a_batch_counts_response_tokens_only() -> None:
    tokens, mask, counts = collate([([3, 4], [5, 2]), ([3], [6, 7, 8, 2])])
    assert tokens.tolist() == [[3, 4, 5, 2, 0], [3, 6, 7, 8, 2]]
    assert mask.tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert counts.tolist() == [[False, False, True, True, False], [False, True, True, True, True]]
