"""Base models into memory: the tiny ones and those that exist already take the same path."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plural_core.study import Study
from plural_core.study.models_config import TINY_FAMILIES
from plural_core.study.training_config import TrainingConfig
from plural_core.training.base_record import base_folder, read_base
from plural_core.training.chat import ChatFormat
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A base model in memory, ready to answer, or to get an adapter.

    Parameters
    ----------
    family : str
        Its name in the study.
    model : PreTrainedModel
        Without adapter, in eval mode, on `device`.
    tokenizer : PreTrainedTokenizerBase
        With a pad token, padding on the left.
    chat : ChatFormat
        How prompts and responses become tokens.
    device : str
        ``cpu`` or ``cuda``.
    n_parameters : int
        Number of parameters.
    fingerprint : str
        Hash of what the model is; results that depend on the model depend on this.
    """

    family: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    chat: ChatFormat
    device: str
    n_parameters: int
    fingerprint: str


def load_base(study: Study, family: str, device: str | None = None) -> LoadedModel:
    """Load a base model.

    Parameters
    ----------
    study : Study
        A tiny model must be trained already (`ensure_base`).
    family : str
        A tiny architecture, or a name under ``models.hub``.
    device : str, optional
        Where to (default: ``training.device``; auto takes a GPU where there is one).

    Raises
    ------
    TrainingError
        The model is not there, is not in safetensors, needs code of its own, or does not fit into memory.
    """
    device = device or choose_device(study.config.training)
    if family in study.config.models.hub:
        from plural_core.training.hub import load_hub

        return load_hub(study, family, device)
    folder = base_folder(study, family)
    made = read_base(folder) if family in TINY_FAMILIES else None
    if made is None:
        raise TrainingError(f"base model '{family}': {folder} holds none; train it first (notebook 08_base_model)")
    with without_bars():
        model, tokenizer = from_folder(folder, "float32")
    return assemble(family, model, tokenizer, study.config.training.max_length, device, made.fingerprint)


def from_folder(source: str | Path, dtype: Any, **where: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return model and tokenizer of a folder or model id: safetensors only, no code of the model's own."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(
        str(source), dtype=dtype, use_safetensors=True, trust_remote_code=False, **where
    )
    tokenizer = AutoTokenizer.from_pretrained(str(source), trust_remote_code=False, **where)
    return model, tokenizer


def assemble(
    family: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    device: str,
    fingerprint: str,
) -> LoadedModel:
    """Put model and tokenizer together: on the device, in eval mode, with a pad token and the tokens that end answers.

    Raises
    ------
    TrainingError
        The tokenizer has no EOS token, so no answer could end.
    """
    if tokenizer.eos_token_id is None:
        raise TrainingError(f"base model '{family}': its tokenizer has no EOS token, so its answers cannot end")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # masked wherever it stands for padding
    tokenizer.padding_side = "left"
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None) or max_length
    chat = ChatFormat(tokenizer, min(max_length, longest))
    generation = model.generation_config
    if generation is not None:
        known = generation.eos_token_id
        ends = known if isinstance(known, list) else [] if known is None else [known]
        generation.eos_token_id = sorted({*ends, *chat.stop_ids})
        generation.pad_token_id = tokenizer.pad_token_id
    model.eval()
    model.to(device)  # type: ignore[arg-type]  # the stubs know torch.device only
    return LoadedModel(family, model, tokenizer, chat, device, sum(p.numel() for p in model.parameters()), fingerprint)


def choose_device(training: TrainingConfig) -> str:
    """Return ``cpu`` or ``cuda``.

    Raises
    ------
    TrainingError
        A GPU is asked for, and there is none.
    """
    import torch

    there = torch.cuda.is_available()
    if training.device == "cuda" and not there:
        raise TrainingError("training.device: cuda is asked for, but there is no GPU that torch can use")
    return "cpu" if training.device == "cpu" or not there else "cuda"


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Show no progress bars of transformers within the block."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
