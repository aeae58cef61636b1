"""How many threads torch may use: few, since conditions and families run side by side."""

from __future__ import annotations

import os

from plural_core.errors import ConfigError
from plural_core.study.training_config import TrainingConfig

VARIABLE = "PLURAL_THREADS"


def n_threads(training: TrainingConfig) -> int:
    """Return ``training.threads``, else the environment variable PLURAL_THREADS, else 1.

    Raises
    ------
    ConfigError
        PLURAL_THREADS is not a whole number from 1 up.
    """
    if training.threads is not None:
        return training.threads
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return 1
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{VARIABLE}={text}: expected a whole number of threads from 1 up")
    return int(text)


def set_threads(training: TrainingConfig) -> int:
    """Tell torch how many threads to use in this process, and return the number."""
    import torch

    n = n_threads(training)
    torch.set_num_threads(n)
    return n
