"""Group relative policy optimisation of one base model on one condition: labels in, adapter out."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from plural_core.io import write_json
from plural_core.preferences.condition import Budget
from plural_core.study.training_config import TrainingConfig
from plural_core.training.checkpoints import prepare_checkpoints, remove_checkpoints, whole_folder
from plural_core.training.lora import borrowed, save_adapter
from plural_core.training.rewards import RewardModel, check_training_prompts, fit_rewards
from plural_core.training.trained import Trained, TrainingError

if TYPE_CHECKING:
    from plural_core.training.load import LoadedModel

ADAPTER, CHECKPOINTS, METRICS, REWARDS = "adapter", "checkpoints", "metrics.jsonl", "rewards.json"
"""What stands in the folder of a run."""
METRIC_NAMES = {
    "loss": "loss",
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "reward": "reward",
    "reward_std": "reward_sd",
    "frac_reward_zero_std": "equal_rewards",
    "kl": "kl",
    "entropy": "entropy",
    "completions/mean_length": "length",
    "completions/clipped_ratio": "cut",
    "num_tokens": "tokens",
}
"""What TRL's trainer logs, and its names in ``metrics.jsonl``; mean and SD of each dimension's reward follow."""
LAST = 10
"""Updates at the end over which the metrics of `Trained` are averaged: one batch of answers is a small sample."""


def train_grpo(
    loaded: LoadedModel,
    labels: pd.DataFrame,
    texts: pd.DataFrame,
    prompts: pd.DataFrame,
    training: TrainingConfig,
    budget: Budget,
    seed: int,
    folder: Path,
    *,
    rewards: RewardModel | None = None,
    max_tokens: int | None = None,
    callbacks: tuple[Any, ...] = (),
) -> Trained:
    """Tune a base model to answers that a condition's raters would rate well.

    Answers to the condition's train prompts are sampled from the model, and rewarded by a reward model fitted to the
    condition's ratings of those prompts' responses. A fine-tune that was killed goes on from its last checkpoint and
    ends with the adapter of an uninterrupted one (on CPU bit for bit). The base model is as before when the function
    returns or raises.

    Parameters
    ----------
    loaded : LoadedModel
        The base model.
    labels : DataFrame
        Labels of one condition (`PreferenceSet.labels`).
    texts : DataFrame
        item_id, prompt_id, prompt, response (`preferences.prompts.tuning_items`).
    prompts : DataFrame
        prompt_id, split: what each prompt is for (`preferences.prompts.split_prompts`).
    training : TrainingConfig
        Section ``training``.
    budget : Budget
        How long to train: passes over the prompts, updates, or tokens.
    seed : int
        Seed of the adapter's first weights, the order of the prompts and the sampled answers.
    folder : Path
        Folder of the run: gets ``adapter/``, ``metrics.jsonl`` and ``rewards.json`` (how good the reward model is),
        and ``checkpoints/`` while it lasts.
    rewards : RewardModel, optional
        Fitted to these labels already, by `fit_rewards`; it is the same for all families.
    max_tokens : int, optional
        For a budget in tokens: how many.
    callbacks : tuple of TrainerCallback
        What else listens.

    Returns
    -------
    Trained
        Its metrics are means over the last 10 updates: ``loss``, ``reward`` (sum over the dimensions),
        ``reward_DIMENSION``, ``kl``.

    Raises
    ------
    TrainingError
        Labels of prompts that are not for training, too few or equal labels, a loss that is no finite number, no
        memory, or no space on the disk.
    """
    from plural_core.training.callbacks import MetricsFile, Progress, read_metrics
    from plural_core.training.group_trainer import GroupTrainer
    from plural_core.training.grpo_settings import grpo_config
    from plural_core.training.prompt_order import plan_length
    from plural_core.training.token_budget import TokenProgress

    rewards = rewards or fit_rewards(labels, texts, prompts)
    check_training_prompts(rewards.prompt_ids, prompts)
    if all(fit.constant for fit in rewards.fits):
        raise TrainingError("all rated texts have the same reward; there is nothing to learn from")
    asked = _prompts(rewards, texts)
    shortest = min(len(loaded.chat.prompt_ids(prompt)) for prompt in asked)
    length = plan_length(budget, training.grpo, len(asked), shortest, max_tokens)
    checkpoints = folder / CHECKPOINTS
    resume = prepare_checkpoints(checkpoints, _setup(loaded, asked, rewards, training, asdict(length), seed))
    write_json([asdict(fit) for fit in rewards.fits], folder / REWARDS)
    names = METRIC_NAMES | {
        f"rewards/{name}/{what}": f"{reward}_{name}"
        for name in rewards.dimensions
        for what, reward in (("mean", "reward"), ("std", "reward_sd"))
    }
    metrics = MetricsFile(folder / METRICS, names)
    shown = {"reward": "reward", "kl": "kl"}
    progress = (
        Progress(folder.name, shown)
        if length.max_tokens is None
        else TokenProgress(folder.name, shown, length.max_tokens)
    )
    with borrowed(loaded.model), contextlib.closing(metrics), contextlib.closing(progress):
        trainer = GroupTrainer(
            loaded,
            asked,
            rewards,
            training,
            length,
            grpo_config(training, loaded, len(rewards.dimensions), seed, length.updates, checkpoints),
            (metrics, progress, *callbacks),
        )
        trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
        seconds, steps, tokens = metrics.seconds, trainer.state.global_step, trainer.state.num_input_tokens_seen
        with whole_folder(folder / ADAPTER) as part:
            save_adapter(trainer.model, part)
    remove_checkpoints(checkpoints)
    last = pd.DataFrame(read_metrics(folder / METRICS)[-LAST:])
    wanted = ["loss", "reward", *(f"reward_{name}" for name in rewards.dimensions), "kl"]
    means = last.reindex(columns=wanted).mean().dropna()
    return Trained(
        adapter=folder / ADAPTER,
        steps=int(steps),
        seconds=seconds,
        tokens=int(tokens),
        metrics={str(name): float(value) for name, value in means.items()},
    )


def _prompts(rewards: RewardModel, texts: pd.DataFrame) -> list[str]:
    """Return the prompts whose responses were rated, in the order of their ids."""
    known = texts.drop_duplicates("prompt_id").sort_values("prompt_id")
    return [str(text) for text in known.loc[known["prompt_id"].isin(rewards.prompt_ids), "prompt"]]


def _setup(
    loaded: LoadedModel,
    prompts: list[str],
    rewards: RewardModel,
    training: TrainingConfig,
    length: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Return what decides the adapter; a checkpoint of anything else is of no use."""
    return {
        "algorithm": "grpo",
        "base": loaded.fingerprint,
        "prompts": hashlib.sha256("\0".join(prompts).encode()).hexdigest(),
        "rewards": rewards.fingerprint,
        "length": length,
        "max_length": loaded.chat.max_length,
        "lora": training.lora.model_dump(mode="json"),
        "grpo": training.grpo.model_dump(mode="json"),
        "save_steps": training.save_steps,
        "seed": seed,
    }
