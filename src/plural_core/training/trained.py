"""What a fine-tune leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from plural_core.errors import PluralError


class TrainingError(PluralError):
    """A fine-tune that cannot start or go on; the message is one line, and the other conditions go on."""


@dataclass(frozen=True)
class Trained:
    """A finished fine-tune.

    Parameters
    ----------
    adapter : Path
        Folder with ``adapter_model.safetensors`` and ``adapter_config.json``.
    steps : int
        Updates made, over all sittings.
    seconds : float
        Training time over all sittings, without imports and loading.
    tokens : int
        Tokens that went through the model in training: prompts and responses without padding, for GRPO the
        sampled answers as well.
    metrics : dict of str to float
        Last values: loss, and reward accuracy (DPO) or mean reward (GRPO).
    """

    adapter: Path
    steps: int
    seconds: float
    tokens: int
    metrics: dict[str, float] = field(default_factory=dict)
