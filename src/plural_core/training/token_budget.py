"""A fine-tune that ends when its tokens are spent: when to stop, and a learning rate that follows the tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from transformers import TrainerCallback

from plural_core.training.callbacks import Progress

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments


def rate(share: float, warmup: float, schedule: Literal["linear", "cosine", "constant"]) -> float:
    """Return the learning rate as a share of its peak.

    transformers' schedules by updates, with the share of the tokens in place of that of the updates.

    Parameters
    ----------
    share : float
        Tokens spent, as a share of all; from 0 up.
    warmup : float
        Share over which the rate rises, below 1.
    schedule : {"linear", "cosine", "constant"}
        How it falls afterwards.
    """
    if share < warmup:
        return share / warmup
    if schedule == "constant":
        return 1.0
    left = max(0.0, (1.0 - share) / (1.0 - warmup))
    return left if schedule == "linear" else 0.5 * (1.0 - math.cos(math.pi * left))


class TokenStop(TrainerCallback):
    """Stop after the update with which so many tokens are reached; None never stops."""

    def __init__(self, max_tokens: int | None) -> None:
        self.max_tokens = max_tokens

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop where the tokens are spent."""
        if self.max_tokens is not None and state.num_input_tokens_seen >= self.max_tokens:
            control.should_training_stop = True


class TokenProgress(Progress):
    """Progress by tokens, since the number of updates is not known beforehand."""

    def __init__(self, label: str, names: dict[str, str], max_tokens: int) -> None:
        super().__init__(label, names)
        self.max_tokens = max_tokens

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Open the bar."""
        super().on_train_begin(args, state, control)
        self._bar.total, self._bar.unit, self._bar.unit_scale = self.max_tokens, "token", True
        self._bar.n = self._bar.initial = state.num_input_tokens_seen

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Move the bar."""
        self._bar.update(min(state.num_input_tokens_seen, self.max_tokens) - self._bar.n)
