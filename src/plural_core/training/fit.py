"""Training of a tiny base model from scratch: next-token loss on responses, batches of texts of like length."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plural_core.study.models_config import TinyConfig
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Tokenised = tuple[list[int], list[int]]
"""Tokens of a prompt, and of its response."""
WARMUP = 0.1
"""Share of the updates over which the learning rate rises."""
BETAS, WEIGHT_DECAY, MAX_GRAD_NORM = (0.9, 0.95), 0.01, 1.0
_POOL = 16
"""Batches' worth of texts that are sorted by length together: little padding, and still another mix every pass."""


@dataclass(frozen=True)
class Fit:
    """How a training went.

    Parameters
    ----------
    steps : int
        Updates.
    seconds, cpu_seconds : float
        Time by the clock, and of all threads together.
    loss : float
        Mean loss per response token over the last tenth of the updates, in nats.
    """

    steps: int
    seconds: float
    cpu_seconds: float
    loss: float


def fit(
    model: PreTrainedModel,
    sequences: Sequence[Tokenised],
    settings: TinyConfig,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Fit:
    """Train all weights of a model in place.

    AdamW; the learning rate rises linearly over the first tenth of the updates and falls to zero along a cosine.

    Parameters
    ----------
    model : PreTrainedModel
        With random weights, on CPU.
    sequences : sequence of (prompt tokens, response tokens)
        What it reads; only the response tokens count for the loss.
    settings : TinyConfig
        batch, steps and learning_rate.
    seed : int
        Seed of the order of the texts.
    progress : callable
        Called with the number of updates done, after each.

    Raises
    ------
    TrainingError
        The loss is not a number any more.
    """
    import torch

    started, used = time.perf_counter(), time.process_time()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, settings.steps))
    batches = order_of([len(p) + len(r) for p, r in sequences], settings.batch, np.random.default_rng(seed))
    losses: list[float] = []
    model.train()
    for step in range(settings.steps):
        loss = response_loss(model, *collate([sequences[i] for i in next(batches)]))
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise TrainingError(
                f"the loss of a tiny base model is {losses[-1]} after {step} updates; "
                "choose a smaller models.tiny.learning_rate"
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        schedule.step()
        progress(step + 1)
    model.eval()
    last = losses[-max(1, settings.steps // 10) :]
    return Fit(settings.steps, time.perf_counter() - started, time.process_time() - used, float(np.mean(last)))


def rate(step: int, steps: int) -> float:
    """Return the share of the peak learning rate at an update, counted from 0."""
    warm = max(1, round(WARMUP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def order_of(lengths: Sequence[int], batch: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Yield batches of positions without end: every text once per pass, texts of like length together."""
    known = np.asarray(lengths)
    while True:
        order = rng.permutation(known.size)
        batches: list[list[int]] = []
        for start in range(0, known.size, _POOL * batch):
            pool = order[start : start + _POOL * batch]
            pool = pool[np.argsort(known[pool], kind="stable")]
            batches += [pool[i : i + batch].tolist() for i in range(0, pool.size, batch)]
        for number in rng.permutation(len(batches)):
            yield batches[number]


def collate(sequences: Sequence[Tokenised]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return tokens, attention mask and which tokens are of the response, each of shape (texts, longest)."""
    import torch

    longest = max(len(p) + len(r) for p, r in sequences)
    tokens = torch.zeros((len(sequences), longest), dtype=torch.long)
    mask, counts = torch.zeros_like(tokens), torch.zeros_like(tokens, dtype=torch.bool)
    for row, (prompt, response) in enumerate(sequences):
        end = len(prompt) + len(response)
        tokens[row, :end] = torch.tensor([*prompt, *response])
        mask[row, :end] = 1
        counts[row, len(prompt) : end] = True
    return tokens, mask, counts


def response_loss(
    model: PreTrainedModel, tokens: torch.Tensor, mask: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """Return the mean negative log-probability of the tokens that count.

    The output layer sees their positions only, which saves a sixth of the time of a model of this size.
    """
    import torch

    hidden = model.base_model(input_ids=tokens, attention_mask=mask, use_cache=False).last_hidden_state
    wanted = counts[:, 1:]
    # What predicts a token stands one place before it. No slice of `hidden`: its gradient would be a copy of all.
    before = torch.nn.functional.pad(wanted, (0, 1))
    logits = model.get_output_embeddings()(hidden[before])
    cap = getattr(model.config, "final_logit_softcapping", None)
    if cap is not None:
        logits = cap * torch.tanh(logits / cap)
    return torch.nn.functional.cross_entropy(logits, tokens[:, 1:][wanted])
