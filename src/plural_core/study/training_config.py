"""The ``training`` section of a study config: every hyper-parameter, each with its reason.

None is left to a library's default: TRL's have changed between versions.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from plural_core.study.base import Section


class LoraConfig(Section):
    """Low-rank adapters (PEFT), for both algorithms."""

    r: int = Field(default=8, ge=1)
    """Rank; 8 is enough for style, which is what ratings of tone teach."""
    alpha: int = Field(default=16, ge=1)
    """Scale; twice the rank, the usual ratio."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """None: reference log-probabilities are computed once and must not be noisy."""
    target_modules: list[str] = Field(default_factory=list)
    """Layers that get an adapter (default: all linear layers but the head)."""


class DPOConfig(Section):
    """Direct preference optimisation (Rafailov et al., 2023)."""

    beta: float = Field(default=0.1, gt=0.0)
    """Weight of staying near the base model; 0.1 is the DPO paper's own."""
    loss: Literal["sigmoid"] = "sigmoid"
    """The loss of the DPO paper; merged pairs are exact for it."""
    learning_rate: float = Field(default=1e-3, gt=0.0)
    """Peak; the largest tried that leaves tiny models' answers whole. Models of billions want 5e-6 to 5e-5."""
    batch: int = Field(default=32, ge=1)
    """Merged pairs per update."""
    micro_batch: int | None = Field(default=None, ge=1)
    """Pairs per forward pass (default: the whole batch; halved when memory runs out, the batch stays)."""
    warmup: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the updates over which the learning rate rises."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How it falls afterwards."""
    weight_decay: float = Field(default=0.0, ge=0.0)
    """None: adapters are small, and beta already holds them near the base model."""
    max_grad_norm: float = Field(default=1.0, gt=0.0)
    """Longer gradients are scaled down."""


class GRPOConfig(Section):
    """Group relative policy optimisation (Shao et al., 2024), rewarded by a model fitted to the condition's ratings."""

    beta: float = Field(default=0.04, ge=0.0)
    """Weight of the KL term; 0.04 is the GRPO paper's own (TRL's default became 0)."""
    loss_type: Literal["grpo", "bnpo", "dr_grpo", "dapo"] = "grpo"
    """Mean over each answer, then over answers, as in the GRPO paper (TRL's default became dapo)."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """Advantages divided by the standard deviation within a prompt's group, as in the GRPO paper."""
    num_generations: int = Field(default=4, ge=2)
    """Answers sampled per prompt."""
    prompts_per_step: int = Field(default=16, ge=1)
    """Prompts per update."""
    num_iterations: int = Field(default=1, ge=1)
    """Updates per sampled batch."""
    epsilon: float = Field(default=0.2, gt=0.0)
    """Clipping of the probability ratio."""
    temperature: float = Field(default=1.0, gt=0.0)
    """Of sampling."""
    max_new_tokens: int = Field(default=96, ge=1)
    """Longest sampled answer in tokens; one that has not ended by then is rewarded with 0."""
    micro_batch: int = Field(default=8, ge=1)
    """Answers per forward and backward pass (halved when memory runs out); the update stays the same."""
    aggregation: Literal["sum_then_normalize", "normalize_then_sum"] = "sum_then_normalize"
    """Several dimensions: their rewards are summed with equal weights, then normalised within the group."""
    learning_rate: float = Field(default=1e-3, gt=0.0)
    """Peak; as for DPO, so that neither is favoured. Models of billions of parameters want 1e-6 to 1e-5."""
    warmup: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the updates over which the learning rate rises."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How it falls afterwards."""
    weight_decay: float = Field(default=0.0, ge=0.0)
    """None, as for DPO."""
    max_grad_norm: float = Field(default=1.0, gt=0.0)
    """Longer gradients are scaled down."""


class TrainingConfig(Section):
    """How base models are tuned."""

    conditions_per_job: int = Field(default=8, ge=1)
    """Conditions per process: many on a laptop, so that one import serves them all; 1 on a cluster."""
    seeds: list[int] = Field(default_factory=lambda: [1], min_length=1)
    """Training seeds; each makes a run of its own, and scores are averaged over them within a prompt."""
    max_length: int = Field(default=1024, ge=32)
    """Longest sequence in tokens; longer prompts lose their beginning, longer responses their end."""
    save_steps: int = Field(default=50, ge=1)
    """Updates between checkpoints; a killed run goes on from the last one."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train (auto: a GPU where there is one)."""
    threads: int | None = Field(default=None, ge=1)
    """Threads per process (default: PLURAL_THREADS, else 1)."""
    lora: LoraConfig = LoraConfig()
    dpo: DPOConfig = DPOConfig()
    grpo: GRPOConfig = GRPOConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise ValueError("seeds: give different numbers from 0 up")
        return self
