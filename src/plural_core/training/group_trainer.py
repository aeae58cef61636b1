"""TRL's GRPOTrainer with the project's own prompts and sampling, and updates in parts of answers of like length."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import datasets  # type: ignore[import-untyped]
import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from plural_core.study.training_config import TrainingConfig
from plural_core.training.adapter_checkpoints import AdapterCheckpoints
from plural_core.training.answer_parts import Batch, by_length, filled, part_of, share_of
from plural_core.training.answer_rewards import reward_functions
from plural_core.training.load import LoadedModel
from plural_core.training.lora import lora_config
from plural_core.training.prompt_order import Length, PromptOrder
from plural_core.training.rewards import RewardModel
from plural_core.training.sampling import can_sample, merged, sample
from plural_core.training.scoring import halving
from plural_core.training.token_budget import TokenStop, rate
from plural_core.training.trained import TrainingError

logger = logging.getLogger(__name__)


class GroupTrainer(AdapterCheckpoints, GRPOTrainer):
    """GRPO on the rewards of a reward model.

    Rewards, advantages, reference, loss, optimiser, schedule and adapters are TRL's, PEFT's and transformers' own.
    Prompts are those of `ChatFormat`, in the order of `PromptOrder`; answers come from `sample`; an update goes
    through the model in parts of answers of like length, with the gradient of the whole.

    Parameters
    ----------
    loaded : LoadedModel
        The base model; lend it with `lora.borrowed`.
    prompts : sequence of str
        What is answered.
    rewards : RewardModel
        One reward per dimension.
    training : TrainingConfig
        Section ``training``.
    length : Length
        How long.
    args : GRPOConfig
        From `grpo_config`.
    callbacks : sequence of TrainerCallback
        What listens.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        prompts: Sequence[str],
        rewards: RewardModel,
        training: TrainingConfig,
        length: Length,
        args: GRPOConfig,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        self.chat = loaded.chat
        self.stops = stop_ids(loaded)
        self.length = length
        self.settings = training.grpo
        self.n_prompts = len(prompts)
        self.micro_batch = training.grpo.micro_batch
        super().__init__(
            model=loaded.model,
            args=args,
            reward_funcs=reward_functions(rewards, self.stops),
            train_dataset=datasets.Dataset.from_dict({"prompt": list(prompts)}),
            processing_class=loaded.tokenizer,
            peft_config=lora_config(training.lora),
            callbacks=[*callbacks, TokenStop(length.max_tokens)],
        )
        self.remove_callback(PrinterCallback)
        for module in self.model.modules():
            for dropout in getattr(module, "lora_dropout", {}).values():
                if isinstance(dropout, torch.nn.Dropout):
                    dropout.p = training.lora.dropout  # TRL's switch means the base model's dropout here

    def _get_train_sampler(self, dataset: Any = None) -> PromptOrder:
        """Go through the prompts in passes."""
        return PromptOrder(
            prompts=self.n_prompts,
            draws=self.length.draws,
            per_batch=self.settings.prompts_per_step,
            copies=self.settings.num_generations,
            repeats=self.num_iterations,
            seed=self.args.seed,
        )

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Let the learning rate follow the updates, or the tokens where these say when it ends."""
        if self.length.max_tokens is None:
            return super().create_scheduler(num_training_steps, optimizer)
        followed: Any = optimizer or self.optimizer
        scheduler: Any = self.lr_scheduler or LambdaLR(followed, self._rate_by_tokens)
        self.lr_scheduler = scheduler
        return scheduler

    def _rate_by_tokens(self, _: int) -> float:
        assert self.length.max_tokens is not None
        share = self.state.num_input_tokens_seen / self.length.max_tokens
        return rate(share, self.settings.warmup, self.settings.schedule)

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Return the tokens that every other part of the project gives a prompt; TRL's do not fit long ones in."""
        known = {prompt: self.chat.prompt_ids(prompt) for prompt in dict.fromkeys(prompts)}
        return [known[prompt] for prompt in prompts], None, {}

    def _generate_single_turn(
        self,
        prompt_ids: list[list[int]],
        images: Any,
        multimodal_fields: Any,
        num_generations: int,
        has_tool_images: bool = False,
    ) -> Any:
        """Sample answers; a model whose cache is no plain one is left to transformers."""
        model = self.accelerator.unwrap_model(self.model)
        if not can_sample(model):
            return super()._generate_single_turn(  # type: ignore[no-untyped-call]
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
        unique = prompt_ids[::num_generations]

        def run(size: int) -> list[list[int]]:
            answers: list[list[int]] = []
            for start in range(0, len(unique), size):
                answers += sample(
                    model,
                    unique[start : start + size],
                    num_generations,
                    stops=self.stops,
                    pad=self._tokenizer.pad_token_id,
                    max_new_tokens=self.settings.max_new_tokens,
                    max_length=self.chat.max_length,
                    temperature=self.temperature,
                )
            return answers

        model.eval()
        try:
            with self.accelerator.autocast(), merged(model):
                answers, _ = halving(run, len(unique))
        finally:
            model.train()
        return answers, None

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *_: Any,
        **more: Any,
    ) -> tuple[torch.Tensor, Any, Any]:
        """Return log-probabilities and entropies at the positions of the answers.

        On a GPU as TRL computes them, with a head that never builds the logits; elsewhere from the logits, which is
        quicker for small vocabularies. Without a gradient in parts of like length.
        """
        entropy = bool(more.pop("compute_entropy", False))
        if self.aux_loss_enabled or input_ids.device.type == "cuda":
            ours = super()._get_per_token_logps_and_entropies
        else:
            ours = self._from_logits
        if torch.is_grad_enabled():
            result: tuple[torch.Tensor, Any, Any] = ours(
                model, input_ids, attention_mask, logits_to_keep, compute_entropy=entropy, **more
            )
            return result
        split = input_ids.shape[1] - logits_to_keep
        logps = torch.zeros(input_ids.shape[0], logits_to_keep, device=input_ids.device)

        def run(size: int) -> None:
            for rows in by_length(attention_mask, size):
                first, last = filled(attention_mask[rows], split)
                ids, mask = input_ids[rows, first:last], attention_mask[rows, first:last]
                logps[rows, : last - split] = ours(model, ids, mask, last - split)[0].float()

        halving(run, min(self.micro_batch, len(input_ids)))
        return logps, None, None

    def _from_logits(
        self, model: Any, ids: torch.Tensor, mask: torch.Tensor, keep: int, compute_entropy: bool = False, **_: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        with self.accelerator.autocast():
            out = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=keep + 1)
        logs = (out.logits[:, :-1].float() / self.temperature).log_softmax(-1)
        entropy = None
        if compute_entropy:
            fixed = logs.detach()
            entropy = -(fixed.exp() * fixed).sum(-1)
        return logs.gather(2, ids[:, -keep:].unsqueeze(2)).squeeze(2), entropy, None

    def training_step(self, model: torch.nn.Module, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
        """Sample answers where the last ones are used up, and add up the gradient of an update.

        Raises
        ------
        TrainingError
            The loss is no finite number, or a single answer does not fit into memory.
        """
        model.train()
        fresh = self._step % self.num_iterations == 0
        try:
            batch = self._prepare_inputs(inputs)
            if not fresh:
                seen = batch["prompt_mask"].sum() + batch["completion_mask"].sum()
                self.state.num_input_tokens_seen += int(seen)
            size = min(self.micro_batch, len(batch["advantages"]))
            loss, fitted = halving(lambda most: self._accumulate(model, batch, most), size)
        except torch.OutOfMemoryError:
            raise TrainingError(
                f"update {self.state.global_step + 1}: one answer does not fit into the GPU's memory; lower "
                "training.grpo.max_new_tokens or training.max_length, or take a smaller model"
            ) from None
        if fitted < size:
            self.micro_batch = fitted
            logger.warning("memory ran out: from now on %d answers per forward pass, as many per update", fitted)
        self._step += 1
        self._metrics["train"]["num_tokens"] = [self.state.num_input_tokens_seen]
        if not math.isfinite(float(loss)):
            raise self._diverged("loss")
        result: torch.Tensor = loss
        return result

    def _accumulate(self, model: torch.nn.Module, batch: Batch, most: int) -> torch.Tensor:
        """Return the loss of an update, and leave its gradient in the adapter."""
        model.zero_grad()
        total = torch.zeros((), device=batch["advantages"].device)
        lengths = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        for rows in by_length(lengths, most):
            part = part_of(batch, rows)
            with self.compute_loss_context_manager():
                loss = self.compute_loss(model, part) * share_of(part, batch, self.loss_type)
            self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def _clip_grad_norm(self, model: torch.nn.Module) -> Any:
        """Scale a long gradient down; one that is no finite number must not reach the adapter."""
        norm = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        if not math.isfinite(float(norm)):
            raise self._diverged("gradient")
        return norm

    def _diverged(self, what: str) -> TrainingError:
        step = self.state.global_step + 1
        return TrainingError(
            f"update {step}: the {what} is no finite number; the last good checkpoint is kept. Try a lower "
            f"training.grpo.learning_rate (it is {self.args.learning_rate:g})"
        )


def stop_ids(loaded: LoadedModel) -> frozenset[int]:
    """Return the tokens that end an answer: those of the chat format and the model's own."""
    own = getattr(loaded.model.generation_config, "eos_token_id", None)
    known = own if isinstance(own, list) else [] if own is None else [own]
    return frozenset({*known, *loaded.chat.stop_ids})
