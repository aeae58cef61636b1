"""TRL's DPOTrainer with weights, shares, and every response scored once per prompt group."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import numpy as np
import peft
import torch
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from plural_core.study.training_config import TrainingConfig
from plural_core.training.adapter_checkpoints import AdapterCheckpoints
from plural_core.training.batches import Plan, micro_batches
from plural_core.training.groups import PairSet, order_accuracy, pair_losses
from plural_core.training.load import LoadedModel
from plural_core.training.lora import lora_config
from plural_core.training.scoring import halving, log_probs
from plural_core.training.sequences import pack, rows_of
from plural_core.training.trained import TrainingError

logger = logging.getLogger(__name__)

WHOLE = 2**31
"""Pairs per forward pass where the whole update may go through at once."""


@dataclass(frozen=True, eq=False)
class DPOData:
    """What a fine-tune is made from.

    Parameters
    ----------
    pairs : PairSet
        Responses and pairs.
    reference : ndarray, shape (responses,)
        Log-probabilities under the base model.
    plan : Plan
        The updates.
    shared : bool
        Whether responses to one prompt may share a row.
    """

    pairs: PairSet
    reference: np.ndarray
    plan: Plan
    shared: bool


def dpo_config(training: TrainingConfig, loaded: LoadedModel, seed: int, updates: int, folder: Path) -> DPOConfig:
    """Return TRL's settings; those that decide the result are all named, none is left to a default.

    Parameters
    ----------
    training : TrainingConfig
        Section ``training``.
    loaded : LoadedModel
        The base model: its device and precision.
    seed : int
        Seed of the fine-tune.
    updates : int
        Number of updates.
    folder : Path
        Where checkpoints go.
    """
    dpo = training.dpo
    config = DPOConfig(
        output_dir=str(folder),
        # The objective
        beta=dpo.beta,
        loss_type=[dpo.loss],
        label_smoothing=0.0,
        f_divergence_type="reverse_kl",
        disable_dropout=True,
        max_length=None,  # texts are cut when they are tokenised
        # The optimiser
        optim="adamw_torch_fused",
        learning_rate=dpo.learning_rate,
        adam_beta1=0.9,
        adam_beta2=0.999,
        adam_epsilon=1e-8,
        weight_decay=dpo.weight_decay,
        max_grad_norm=dpo.max_grad_norm,
        lr_scheduler_type="constant_with_warmup" if dpo.schedule == "constant" else dpo.schedule,
        warmup_steps=math.floor(dpo.warmup * updates),
        # The loop: one line of the data set is one planned update
        num_train_epochs=1,
        max_steps=updates,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        seed=seed,
        data_seed=seed,
        # The machine
        use_cpu=loaded.device == "cpu",
        bf16=next(loaded.model.parameters()).dtype == torch.bfloat16,
        fp16=False,
        activation_checkpointing=bool(loaded.model.is_activation_checkpointing),
        activation_checkpointing_kwargs={"use_reentrant": False},
        # What it writes
        save_strategy="steps" if updates > training.save_steps else "no",
        save_steps=training.save_steps,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
    )
    config._n_gpu = 1  # a process uses one GPU; transformers would spread over all that it sees
    return config


class PairTrainer(AdapterCheckpoints, DPOTrainer):
    """DPO on merged pairs.

    TRL's trainer scores both sides of every pair; this one scores each response of an update once, reads the
    reference from a table, and weighs the loss by the number of comparisons and the share that prefers the first.
    Loop, optimiser, schedule, adapters and checkpoints are TRL's, PEFT's and transformers' own.

    Parameters
    ----------
    loaded : LoadedModel
        The base model; lend it with `lora.borrowed`.
    data : DPOData
        Pairs, reference and updates.
    training : TrainingConfig
        Section ``training``.
    args : DPOConfig
        From `dpo_config`.
    callbacks : sequence of TrainerCallback
        What listens.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        data: DPOData,
        training: TrainingConfig,
        args: DPOConfig,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        self.data = data
        self.beta = training.dpo.beta
        self.longest = loaded.chat.max_length if data.shared else None
        self.micro_batch = training.dpo.micro_batch or WHOLE
        pad = loaded.tokenizer.pad_token_id
        self.pad = pad if isinstance(pad, int) else 0
        self.dtype = next(loaded.model.parameters()).dtype
        device = next(loaded.model.parameters()).device
        self.fused = device.type == "cuda"
        self.weight, self.share, self.reference_values = (
            torch.tensor(values, dtype=torch.float32, device=device)
            for values in (data.pairs.weight, data.pairs.share, data.reference)
        )
        super().__init__(
            model=loaded.model,
            args=args,
            train_dataset=datasets.Dataset.from_dict({"update": list(range(len(data.plan.updates)))}),
            data_collator=lambda lines: {"update": torch.tensor([line["update"] for line in lines])},
            processing_class=loaded.tokenizer,
            peft_config=lora_config(training.lora),
            callbacks=list(callbacks),
        )
        self.remove_callback(PrinterCallback)
        # transformers would write the tokenizer into every checkpoint, and its special tokens into the base model.
        self.processing_class = None
        for module in self.tuned.modules():
            for dropout in getattr(module, "lora_dropout", {}).values():
                if isinstance(dropout, torch.nn.Dropout):
                    dropout.p = training.lora.dropout  # TRL's switch means the base model's dropout here

    @property
    def tuned(self) -> peft.PeftModel:
        """The base model with the adapter."""
        assert isinstance(self.model, peft.PeftModel)
        return self.model

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        """Leave the data as they are: they are tokens already."""
        return dataset

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler:
        """Go through the updates as planned."""
        return torch.utils.data.SequentialSampler(range(len(self.data.plan.updates)))

    def training_step(self, model: torch.nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> torch.Tensor:
        """Score the responses of an update, and add up the gradient of its loss.

        Raises
        ------
        TrainingError
            The loss is no finite number, or a single pair does not fit into memory.
        """
        number = int(inputs["update"])
        pairs = self.data.plan.updates[number]
        model.train()
        size = min(self.micro_batch, len(pairs))
        try:
            sums: torch.Tensor
            sums, fitted = halving(lambda most: self._accumulate(model, pairs, most), size)
        except torch.OutOfMemoryError:
            raise TrainingError(
                f"update {number + 1}: one pair does not fit into the GPU's memory; lower training.max_length, "
                "or take a smaller model"
            ) from None
        if fitted < size:
            self.micro_batch = fitted
            logger.warning("memory ran out: from now on %d pairs per forward pass, as many per update", fitted)
        loss, accuracy, margin = sums.tolist()
        if not math.isfinite(loss):
            raise self._diverged("loss")
        total = float(self.data.pairs.weight[pairs].sum())
        metrics = self._metrics["train"]
        metrics["rewards/accuracies"] = [accuracy / total]
        metrics["rewards/margins"] = [margin / total]
        metrics["num_tokens"] = [float(self.data.plan.tokens[number])]
        return sums[0]

    def _accumulate(self, model: torch.nn.Module, pairs: np.ndarray, most: int) -> torch.Tensor:
        """Return loss and summed accuracy and margin of an update, and leave its gradient in the adapter."""
        if self.optimizer is not None:
            self.optimizer.zero_grad()  # of an attempt that ran out of memory half way
        sums = torch.zeros(3, device=self.weight.device)
        for part in micro_batches(pairs, self.data.pairs.group, most):
            with self.compute_loss_context_manager():
                loss, accuracy, margin = self.part_loss(model, part)
            self.accelerator.backward(loss)
            sums += torch.stack([loss.detach(), accuracy, margin])
        return sums

    def part_loss(self, model: torch.nn.Module, pairs: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what some pairs add to their update's loss, and their summed weighted accuracy and margin."""
        data = self.data.pairs
        members = data.members(pairs)
        rows = rows_of(data.sequences, members.tolist(), self.longest)
        packed = pack(data.sequences, rows, self.pad, self.dtype)
        ratio = log_probs(model, packed, self.fused) - self.reference_values[members]
        first, second = (torch.from_numpy(np.searchsorted(members, side[pairs])) for side in (data.first, data.second))
        z = self.beta * (ratio[first.to(ratio.device)] - ratio[second.to(ratio.device)])
        weight, share = self.weight[pairs], self.share[pairs]
        loss = pair_losses(z, weight, share).sum() / self.data.plan.divisor
        apart = z.detach()
        margin = (weight * (2.0 * share - 1.0) * apart).sum()
        return loss, order_accuracy(apart, weight, share).sum(), margin

    def _clip_grad_norm(self, model: torch.nn.Module) -> Any:
        """Scale a long gradient down; one that is no finite number must not reach the adapter."""
        norm = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        if not math.isfinite(float(norm)):
            raise self._diverged("gradient")
        return norm

    def _diverged(self, what: str) -> TrainingError:
        step = self.state.global_step + 1
        return TrainingError(
            f"update {step} of {self.state.max_steps}: the {what} is no finite number; the last good checkpoint is "
            f"kept. Try a lower training.dpo.learning_rate (it is {self.args.learning_rate:g})"
        )
