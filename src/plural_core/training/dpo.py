"""Direct preference optimisation of one base model on one condition: pairs in, adapter out."""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from plural_core.preferences.condition import Budget
from plural_core.study.training_config import TrainingConfig
from plural_core.training.batches import plan_updates
from plural_core.training.checkpoints import prepare_checkpoints, remove_checkpoints, whole_folder
from plural_core.training.groups import pair_set
from plural_core.training.lora import borrowed, save_adapter
from plural_core.training.reference import Reference
from plural_core.training.trained import Trained, TrainingError

if TYPE_CHECKING:
    from plural_core.training.load import LoadedModel
    from plural_core.training.pair_trainer import DPOData

ADAPTER, CHECKPOINTS, METRICS = "adapter", "checkpoints", "metrics.jsonl"
"""What stands in the folder of a run."""
METRIC_NAMES = {
    "loss": "loss",
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "rewards/accuracies": "reward_accuracy",
    "rewards/margins": "margin",
    "num_tokens": "tokens",
}
"""What TRL's trainer logs, and what it is called in ``metrics.jsonl``."""


def train_dpo(
    loaded: LoadedModel,
    pairs: pd.DataFrame,
    texts: pd.DataFrame,
    reference: Reference,
    training: TrainingConfig,
    budget: Budget,
    seed: int,
    folder: Path,
    *,
    counterparts: Mapping[str, str] | None = None,
    max_tokens: int | None = None,
    callbacks: tuple[Any, ...] = (),
) -> Trained:
    """Tune a base model on the merged pairs of one condition.

    A fine-tune that was killed goes on from its last checkpoint and ends with the adapter of an uninterrupted one
    (on CPU bit for bit). The base model is as before when the function returns or raises.

    Parameters
    ----------
    loaded : LoadedModel
        The base model.
    pairs : DataFrame
        Pairs of one condition, as in table ``pairs``.
    texts : DataFrame
        item_id, prompt_id, prompt, response (`preferences.prompts.tuning_items`).
    reference : Reference
        Log-probabilities of all texts under this base model.
    training : TrainingConfig
        Section ``training``.
    budget : Budget
        How long to train.
    seed : int
        Seed of the adapter's first weights and of the order of the pairs.
    folder : Path
        Folder of the run: gets ``adapter/`` and ``metrics.jsonl``, and ``checkpoints/`` while it lasts.
    counterparts : mapping of str to str, optional
        prompt_id to the base model's own answer, for pairs with ``@counterpart``.
    max_tokens : int, optional
        For a budget in tokens: how many.
    callbacks : tuple of TrainerCallback
        What else listens.

    Returns
    -------
    Trained
        Its metrics: ``loss`` and ``reward_accuracy`` over the last pass (the share of the condition's own
        comparisons whose order the model gave when it saw them), ``margin``.

    Raises
    ------
    TrainingError
        No pairs, a missing text, a loss that is no finite number, no memory, or no space on the disk.
    """
    from plural_core.training.callbacks import MetricsFile, Progress
    from plural_core.training.pair_trainer import DPOData, PairTrainer, dpo_config

    if reference.fingerprint != loaded.fingerprint:
        raise TrainingError(f"the reference log-probabilities are not of this base model ('{loaded.family}')")
    whole = pair_set(pairs, texts, reference.encoded, counterparts)
    plan = plan_updates(whole, budget, training.dpo.batch, seed, max_tokens)
    data = DPOData(whole, reference.of(whole.sequences), plan, reference.shared)
    checkpoints = folder / CHECKPOINTS
    resume = prepare_checkpoints(checkpoints, _setup(loaded, data, training, seed))
    metrics = MetricsFile(folder / METRICS, METRIC_NAMES)
    progress = Progress(folder.name, {"loss": "loss", "rewards/accuracies": "accuracy"})
    with borrowed(loaded.model), contextlib.closing(metrics), contextlib.closing(progress), _old_objects_aside():
        trainer = PairTrainer(
            loaded,
            data,
            training,
            dpo_config(training, loaded, seed, len(plan.updates), checkpoints),
            (metrics, progress, *callbacks),
        )
        trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
        seconds = metrics.seconds
        with whole_folder(folder / ADAPTER) as part:
            save_adapter(trainer.tuned, part)
    remove_checkpoints(checkpoints)
    last = metrics.rows[-plan.per_pass :]
    return Trained(
        adapter=folder / ADAPTER,
        steps=len(plan.updates),
        seconds=seconds,
        tokens=int(plan.tokens[-1]),
        metrics={name: float(np.mean([row[name] for row in last])) for name in ("loss", "reward_accuracy", "margin")},
    )


@contextlib.contextmanager
def _old_objects_aside() -> Iterator[None]:
    """Keep what lives already out of the garbage collector's way.

    transformers collects garbage before it trains, and going through all that the libraries have loaded takes a
    quarter of a second, for every condition.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _setup(loaded: LoadedModel, data: DPOData, training: TrainingConfig, seed: int) -> dict[str, Any]:
    """Return what decides the adapter; a checkpoint of anything else is of no use."""
    digest = hashlib.sha256()
    for sequence in data.pairs.sequences:
        digest.update(sequence.key.encode())
    for values in (data.pairs.first, data.pairs.second, data.pairs.weight, data.pairs.share, data.reference):
        digest.update(np.ascontiguousarray(values).tobytes())
    for update in data.plan.updates:
        digest.update(update.tobytes())
    return {
        "algorithm": "dpo",
        "base": loaded.fingerprint,
        "data": digest.hexdigest(),
        "shared_rows": data.shared,
        "lora": training.lora.model_dump(mode="json"),
        "dpo": training.dpo.model_dump(mode="json"),
        "seed": seed,
    }
