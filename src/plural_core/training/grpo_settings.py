"""TRL's settings for GRPO: those that decide the result are all named, none is left to a default."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from trl.trainer.grpo_config import GRPOConfig

from plural_core.study.training_config import TrainingConfig

if TYPE_CHECKING:
    from plural_core.training.load import LoadedModel


def grpo_config(
    training: TrainingConfig, loaded: LoadedModel, dimensions: int, seed: int, updates: int, folder: Path
) -> GRPOConfig:
    """Return the settings of a fine-tune.

    Parameters
    ----------
    training : TrainingConfig
        Section ``training``.
    loaded : LoadedModel
        The base model: its device and precision.
    dimensions : int
        Number of rewards.
    seed : int
        Seed of adapter and sampling.
    updates : int
        Number of updates.
    folder : Path
        Where checkpoints go.
    """
    grpo = training.grpo
    answers = grpo.prompts_per_step * grpo.num_generations
    config = GRPOConfig(
        output_dir=str(folder),
        # The objective
        beta=grpo.beta,
        loss_type=grpo.loss_type,
        scale_rewards=grpo.scale_rewards,
        multi_objective_aggregation=grpo.aggregation,
        reward_weights=[1.0] * dimensions,
        num_generations=grpo.num_generations,
        num_iterations=grpo.num_iterations,
        epsilon=grpo.epsilon,
        epsilon_high=grpo.epsilon,
        delta=None,
        importance_sampling_level="token",
        # The GRPO paper's KL term, not weighted by the probability ratio (TRL's default became True).
        use_bias_correction_kl=False,
        off_policy_mask_threshold=None,
        top_entropy_quantile=1.0,
        entropy_coef=0.0,
        use_adaptive_entropy=False,
        # Answers that were cut get reward 0 and stay in the loss: see answer_rewards.
        mask_truncated_completions=False,
        sync_ref_model=False,
        disable_dropout=True,
        cast_lm_head_to_fp32=False,
        router_aux_loss_coef=None,  # the model's own, where it has experts
        # Sampling: from the whole distribution
        max_completion_length=grpo.max_new_tokens,
        temperature=grpo.temperature,
        top_p=1.0,
        top_k=0,
        min_p=None,
        repetition_penalty=1.0,
        generation_kwargs=None,
        chat_template_kwargs=None,
        cache_implementation=None,
        use_vllm=False,
        use_transformers_continuous_batching=False,
        pad_to_multiple_of=None,
        # One sampled batch per update (num_iterations updates), so that no checkpoint falls between the two
        per_device_train_batch_size=answers,
        gradient_accumulation_steps=1,
        steps_per_generation=1,
        shuffle_dataset=False,  # prompt_order has an order of its own
        # The optimiser, as for DPO
        optim="adamw_torch_fused",
        learning_rate=grpo.learning_rate,
        adam_beta1=0.9,
        adam_beta2=0.999,
        adam_epsilon=1e-8,
        weight_decay=grpo.weight_decay,
        max_grad_norm=grpo.max_grad_norm,
        lr_scheduler_type="constant_with_warmup" if grpo.schedule == "constant" else grpo.schedule,
        warmup_steps=math.floor(grpo.warmup * updates),
        # The loop
        num_train_epochs=1,
        max_steps=updates,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        dataloader_drop_last=False,
        remove_unused_columns=False,
        seed=seed,
        data_seed=seed,
        # The machine
        use_cpu=loaded.device == "cpu",
        bf16=next(loaded.model.parameters()).dtype == torch.bfloat16,
        fp16=False,
        torch_compile=False,
        gradient_checkpointing=bool(getattr(loaded.model, "is_gradient_checkpointing", False)),
        gradient_checkpointing_kwargs={"use_reentrant": False},
        # What it writes
        save_strategy="steps",
        save_steps=whole_batches(training.save_steps, grpo.num_iterations),
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
    )
    config._n_gpu = 1  # a process uses one GPU; transformers would spread over all that it sees
    return config


def whole_batches(steps: int, iterations: int) -> int:
    """Return `steps`, rounded up to whole sampled batches: a batch is not saved, so none may be cut in two."""
    return -(-steps // iterations) * iterations
