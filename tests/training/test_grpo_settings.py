"""Every setting of TRL that decides a result comes from the study or is named: a new one of TRL's fails here."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest
from transformers import TrainingArguments
from trl import GRPOConfig as TRLConfig

import plural_core.training.grpo_settings as module
from plural_core.study.training_config import GRPOConfig, TrainingConfig
from plural_core.training.grpo_settings import grpo_config, whole_batches
from plural_core.training.load import LoadedModel

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # the libraries warn each other of new names

UNUSED = {
    # vLLM, DeepSpeed, transformers' batching engine: not used
    *(f.name for f in dataclasses.fields(TRLConfig) if f.name.startswith("vllm_")),
    "ds3_gather_for_generation", "transformers_continuous_batching_config", "use_transformers_paged",
    # a model given as a name, tools, evaluation: not used
    "model_init_kwargs", "trust_remote_code", "max_tool_calling_iterations", "num_generations_eval",
    # of losses that the study does not offer
    "sapo_temperature_neg", "sapo_temperature_pos",
    "vespo_k_pos", "vespo_lambda_pos", "vespo_k_neg", "vespo_lambda_neg",
    # of options that are named as off
    "ref_model_mixup_alpha", "ref_model_sync_steps",
    "entropy_coef_min", "entropy_coef_max", "entropy_coef_delta", "entropy_target",
    # follows from batch and steps_per_generation
    "generation_batch_size",
    # what is printed
    "log_completions", "log_multimodal", "num_completions_to_print", "log_unique_prompts", "log_completions_hub_repo",
}  # fmt: skip
"""Settings of TRL's own that cannot change a result here."""
DECIDE = {
    "per_device_train_batch_size", "gradient_accumulation_steps", "max_steps", "num_train_epochs", "learning_rate",
    "lr_scheduler_type", "warmup_steps", "optim", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon",
    "max_grad_norm", "bf16", "fp16", "gradient_checkpointing", "torch_compile", "logging_nan_inf_filter", "seed",
    "data_seed", "use_cpu", "dataloader_drop_last", "dataloader_num_workers", "remove_unused_columns", "save_steps",
}  # fmt: skip
"""Settings of transformers' that do."""


def named() -> set[str]:
    """Return what `grpo_config` hands over."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "GRPOConfig"]
    assert len(calls) == 1
    return {keyword.arg for keyword in calls[0].keywords if keyword.arg}


def test_none_is_left_to_a_default() -> None:
    own = {f.name for f in dataclasses.fields(TRLConfig)} - {f.name for f in dataclasses.fields(TrainingArguments)}
    assert own >= UNUSED
    assert own - UNUSED - named() == set()
    assert named() & UNUSED == set()
    assert named() >= DECIDE


def test_every_value_of_the_study_arrives(tiny_loaded: LoadedModel, tmp_path: Path) -> None:
    chosen = {
        "beta": 0.07, "loss_type": "bnpo", "scale_rewards": "batch", "num_generations": 5, "prompts_per_step": 3,
        "num_iterations": 2, "epsilon": 0.3, "temperature": 0.9, "max_new_tokens": 33, "micro_batch": 4,
        "aggregation": "normalize_then_sum", "learning_rate": 1e-4, "warmup": 0.25, "schedule": "cosine",
        "weight_decay": 0.01, "max_grad_norm": 0.5,
    }  # fmt: skip
    assert set(chosen) == set(GRPOConfig.model_fields)
    assert all(GRPOConfig.model_fields[name].default != value for name, value in chosen.items())
    training = TrainingConfig.model_validate({"grpo": chosen, "save_steps": 7})
    args = grpo_config(training, tiny_loaded, 2, seed=9, updates=20, folder=tmp_path)
    same = {
        "beta": 0.07, "loss_type": "bnpo", "scale_rewards": "batch", "num_generations": 5, "num_iterations": 2,
        "epsilon": 0.3, "epsilon_high": 0.3, "temperature": 0.9, "max_completion_length": 33,
        "multi_objective_aggregation": "normalize_then_sum", "learning_rate": 1e-4, "warmup_steps": 5,
        "weight_decay": 0.01, "max_grad_norm": 0.5, "seed": 9, "data_seed": 9, "max_steps": 20, "save_steps": 8,
        "per_device_train_batch_size": 15, "generation_batch_size": 15, "steps_per_generation": 1,
        "reward_weights": [1.0, 1.0], "use_cpu": True, "bf16": False, "fp16": False, "gradient_checkpointing": False,
        "use_bias_correction_kl": False, "mask_truncated_completions": False, "top_p": 1.0, "top_k": 0, "min_p": None,
        "repetition_penalty": 1.0, "report_to": [],
    }  # fmt: skip
    assert {name: getattr(args, name) for name in same} == same
    assert args.lr_scheduler_type == "cosine"


@pytest.mark.parametrize(("schedule", "name"), [("constant", "constant_with_warmup"), ("linear", "linear")])
def test_schedules(tiny_loaded: LoadedModel, tmp_path: Path, schedule: str, name: str) -> None:
    training = TrainingConfig.model_validate({"grpo": {"schedule": schedule}})
    assert grpo_config(training, tiny_loaded, 1, 1, 10, tmp_path).lr_scheduler_type == name


def test_defaults_are_those_of_the_grpo_paper() -> None:
    grpo = GRPOConfig()
    assert (grpo.beta, grpo.loss_type, grpo.scale_rewards, grpo.epsilon) == (0.04, "grpo", "group", 0.2)


@pytest.mark.parametrize(("steps", "iterations", "expected"), [(50, 1, 50), (50, 4, 52), (1, 3, 3), (6, 3, 6)])
def test_checkpoints_fall_between_sampled_batches(steps: int, iterations: int, expected: int) -> None:
    assert whole_batches(steps, iterations) == expected
