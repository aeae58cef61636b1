"""A learning rate that follows the tokens: transformers' schedules at the same share."""

from __future__ import annotations

import pytest
import torch
from transformers import get_scheduler
from transformers.trainer_callback import TrainerControl, TrainerState

from plural_core.training.token_budget import TokenStop, rate

NAMES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


@pytest.mark.parametrize("schedule", NAMES)
@pytest.mark.parametrize("warmup", [0, 10])
def test_rates_are_those_of_transformers(schedule: str, warmup: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(NAMES[schedule], optimizer, warmup, 100)
    for step in range(101):
        assert rate(step / 100, warmup / 100, schedule) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        scheduler.step()


def test_after_the_end_nothing_is_learnt() -> None:
    assert rate(1.2, 0.1, "linear") == 0.0
    assert rate(1.2, 0.1, "cosine") == 0.0
    assert rate(1.2, 0.1, "constant") == 1.0


@pytest.mark.parametrize(("most", "seen", "stops"), [(None, 10**9, False), (100, 99, False), (100, 100, True)])
def test_stop(most: int | None, seen: int, stops: bool) -> None:
    state, control = TrainerState(num_input_tokens_seen=seen), TrainerControl()
    TokenStop(most).on_step_end(None, state, control)  # type: ignore[arg-type]
    assert control.should_training_stop is stops
