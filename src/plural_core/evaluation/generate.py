"""Answers of a model to prompts: greedy, in batches, with or without an adapter; the base model stays as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from plural_core.evaluation.traces import CHANNEL, is_mark, opened_by
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    from torch import nn
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

    from plural_core.training.load import LoadedModel

COLUMNS = ["prompt_id", "text", "n_tokens", "finish_reason"]
FIRST_ROUND = 24
"""Tokens before those that have finished leave a batch for the first time; each later round is twice as long."""
_PROMPT_END = 16
"""Tokens at the end of a prompt in which an opening tag of a reasoning trace may stand."""
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"


def generate(
    loaded: LoadedModel,
    prompts: pd.DataFrame,
    *,
    max_new_tokens: int,
    batch: int,
    adapter: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Let a model answer prompts, each token the most likely one.

    Whatever a model's own generation config says (temperature, penalties of repetition) does not count, except for
    the tokens that end an answer. Prompts of like length share a batch, padded on the left, and leave it when they
    have finished; the answers do not depend on the batch, ties of floating-point numbers aside.

    Parameters
    ----------
    loaded : LoadedModel
        The base model. Its ``model`` may carry an adapter already, as a trainer's does; it answers with it.
    prompts : DataFrame
        prompt_id, prompt.
    max_new_tokens : int
        Longest answer in tokens.
    batch : int
        Prompts per batch; halved while memory of the GPU runs out.
    adapter : Path, optional
        Folder of an adapter (PEFT, safetensors). It is put into the base model and taken out again, also when
        generation fails: afterwards its weights are the same to the bit.
    progress : callable, optional
        Called with the number of prompts answered and of all prompts.

    Returns
    -------
    DataFrame
        prompt_id, text (reasoning traces with their tags included: see `traces.strip_trace`), n_tokens (that which
        ends the answer not counted), finish_reason ("stop", or "length" where it was cut off), in the order of
        `prompts`. ``attrs["n_truncated"]`` is the number of prompts that were too long and lost their beginning,
        ``attrs["batch"]`` the batch that fitted into memory.

    Raises
    ------
    TrainingError
        The adapter cannot be read or does not fit the base model, a prompt has no tokens, or a single prompt does
        not fit into memory.
    """
    room, limit = _room(loaded, max_new_tokens)
    cut = loaded.chat.truncated.prompts
    before = set(cut)
    cut.clear()
    try:
        ids = [loaded.chat.prompt_ids(text, room) for text in prompts["prompt"]]
        n_truncated = int(prompts["prompt"].isin(cut).sum())
    finally:
        cut |= before
    for prompt_id, tokens in zip(prompts["prompt_id"], ids, strict=True):
        if not tokens:
            raise TrainingError(f"prompt '{prompt_id}' has no tokens, so nothing can follow it; remove it")
    with nullcontext(_bare(loaded.model)) if adapter is None else adapted(loaded, adapter) as model:
        answers, batch = _answers(model, loaded, ids, limit, batch, progress)
    write = _writer(loaded.tokenizer)
    frame = pd.DataFrame(
        {
            "prompt_id": prompts["prompt_id"].astype(object).to_numpy(),
            "text": pd.Series([write(p, a) for p, (a, _) in zip(ids, answers, strict=True)], dtype=object),
            "n_tokens": pd.Series([len(answer) for answer, _ in answers], dtype=int),
            "finish_reason": pd.Series(["stop" if ended else "length" for _, ended in answers], dtype=object),
        }
    )
    frame.attrs = {"n_truncated": n_truncated, "batch": batch}
    return frame


@contextmanager
def adapted(loaded: LoadedModel, adapter: Path) -> Iterator[PreTrainedModel]:
    """Lend the base model with an adapter in it; afterwards its weights are the same to the bit.

    In float32 the adapter is added to the weights, which saves a third of the time of a tiny model; the weights
    themselves are set aside meanwhile. In lower precision it stays beside them, since adding would round it away.

    Raises
    ------
    TrainingError
        The adapter cannot be read or does not fit the base model.
    """
    import torch
    from peft import PeftModel
    from safetensors import SafetensorError

    from plural_core.training.lora import borrowed

    for name in (_CONFIG, _WEIGHTS):
        if not (adapter / name).is_file():
            raise TrainingError(f"{adapter}: there is no adapter ({name} is missing); tune the model again")
    with borrowed(loaded.model) as model:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers by a name that has changed
                wrapped = PeftModel.from_pretrained(model, str(adapter), is_trainable=False)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            reason = " ".join(str(error).split())[:200]
            raise TrainingError(
                f"{adapter}: the adapter does not fit base model '{loaded.family}' ({reason})"
            ) from None
        wrapped.eval()
        with _merged(model, adapter) if model.dtype == torch.float32 else nullcontext():
            yield model


@contextmanager
def _merged(model: nn.Module, adapter: Path) -> Iterator[None]:
    """Add an adapter to the weights within the block; the weights' own memory is never written."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    from plural_core.training.lora import remove_adapters

    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    own = [(parameter, parameter.data) for layer in layers for parameter in layer.get_base_layer().parameters()]
    try:
        for layer in layers:
            # safe_merge adds to a copy, and refuses weights that are not numbers.
            layer.merge(safe_merge=True)
        remove_adapters(model)
        yield
    except ValueError as error:
        if "NaN" in str(error):
            raise TrainingError(f"{adapter}: the adapter's weights are not numbers; tune the model again") from None
        raise
    finally:
        for parameter, data in own:
            parameter.data = data


def _bare(model: Any) -> Any:
    """Return the model itself where PEFT is wrapped around it; an adapter in it stays."""
    from peft import PeftModel

    return model.get_base_model() if isinstance(model, PeftModel) else model


def _room(loaded: LoadedModel, max_new_tokens: int) -> tuple[int, int]:
    """Return the longest prompt and the longest answer in tokens, so that both fit into the model's context.

    A prompt has as much room as in training, unless the answer needs it; never less than a quarter of the context.
    """
    longest = loaded.chat.max_length
    room = longest - longest // 4
    context = getattr(_bare(loaded.model).config.get_text_config(), "max_position_embeddings", None)
    if context is None:
        return room, max_new_tokens
    room = min(room, max(context - max_new_tokens, context // 4))
    return room, min(max_new_tokens, context - room)


def _answers(
    model: PreTrainedModel,
    loaded: LoadedModel,
    ids: Sequence[list[int]],
    limit: int,
    batch: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[tuple[list[int], bool]], int]:
    """Return the tokens of each answer and whether it ended, and the batch that fitted."""
    import torch

    stops = _stops(loaded)
    settings = _settings(stops, loaded)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]), reverse=True)  # what needs most memory comes first
    found: dict[int, tuple[list[int], bool]] = {}
    was_training = model.training
    with _settings_of(model, settings):
        model.train(False)
        try:
            while len(found) < len(ids):
                rows = order[len(found) : len(found) + batch]
                try:
                    new = _continue([ids[i] for i in rows], model, settings, limit, stops)
                except torch.OutOfMemoryError:
                    if batch == 1:
                        raise TrainingError(
                            f"base model '{loaded.family}': memory runs out while it answers a single prompt; lower "
                            "evaluation.max_new_tokens, or take a smaller model"
                        ) from None
                    new = None
                if new is None:  # out of the handler, so that the failed batch's tensors are let go
                    batch = max(1, min(batch, len(rows)) // 2)
                    torch.cuda.empty_cache()
                    continue
                found.update(zip(rows, new, strict=True))
                if progress:
                    progress(len(found), len(ids))
        finally:
            model.train(was_training)
    return [found[i] for i in range(len(ids))], batch


def _continue(
    prompts: list[list[int]], model: PreTrainedModel, settings: GenerationConfig, limit: int, stops: frozenset[int]
) -> list[tuple[list[int], bool]]:
    """Continue prompts up to a stop token each; those that have finished leave the batch between rounds."""
    import torch

    width = max(map(len, prompts))
    pad = settings.pad_token_id
    device = model.device
    tokens = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    answers: list[list[int]] = [[] for _ in prompts]
    ended = [False] * len(prompts)
    rows, cache, length = list(range(len(prompts))), None, FIRST_ROUND if _may_leave(model) else limit
    with torch.inference_mode():
        while rows:
            settings.max_new_tokens = min(length, limit - len(answers[rows[0]]))
            out = model.generate(  # type: ignore[operator]  # its type is that of a module's attribute
                tokens, attention_mask=mask, past_key_values=cache, generation_config=settings, trust_remote_code=False
            )
            for row, new in zip(rows, out.sequences[:, tokens.shape[1] :].tolist(), strict=True):
                end = next((place for place, token in enumerate(new) if token in stops), None)
                ended[row] = end is not None
                answers[row] += new[:end]
            going = [place for place, row in enumerate(rows) if not ended[row] and len(answers[row]) < limit]
            cache, length = out.past_key_values, 2 * length
            mask = torch.cat([mask, mask.new_ones(len(rows), out.sequences.shape[1] - mask.shape[1])], dim=1)
            rows = [rows[place] for place in going]
            if rows and len(rows) < len(mask):
                kept = torch.tensor(going, device=device)
                cache.batch_select_indices(kept)
                mask = mask[kept]
                tokens = out.sequences[kept]
            else:
                tokens = out.sequences
    return list(zip(answers, ended, strict=True))


def _may_leave(model: PreTrainedModel) -> bool:
    """Return whether rows can be taken out of the model's cache: of keys and values, yes; of other states, no."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    layers = DynamicCache(config=model.config).layers
    return bool(layers) and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _stops(loaded: LoadedModel) -> frozenset[int]:
    """Return the tokens that end an answer: those of the chat format and the model's own."""
    own = getattr(_bare(loaded.model).generation_config, "eos_token_id", None)
    known = own if isinstance(own, list) else [] if own is None else [own]
    return frozenset({*known, *loaded.chat.stop_ids})


def _settings(stops: frozenset[int], loaded: LoadedModel) -> GenerationConfig:
    from transformers import GenerationConfig

    return GenerationConfig(
        do_sample=False,
        num_beams=1,
        use_cache=True,
        return_dict_in_generate=True,
        eos_token_id=sorted(stops),
        pad_token_id=loaded.tokenizer.pad_token_id,
    )


@contextmanager
def _settings_of(model: PreTrainedModel, settings: GenerationConfig) -> Iterator[None]:
    """Set the model's own settings of generation aside: what ours leave open would be filled in from them."""
    own = model.generation_config
    model.generation_config = settings
    try:
        yield
    finally:
        model.generation_config = own


def _writer(tokenizer: PreTrainedTokenizerBase) -> Callable[[list[int], list[int]], str]:
    """Return a function from the tokens of a prompt and of its answer to the answer's text.

    Special tokens are left out, except for those that tell a reasoning trace from the answer.
    """
    names = {token: tokenizer.convert_ids_to_tokens(token) for token in tokenizer.all_special_ids}
    known = tokenizer.added_tokens_decoder
    names |= {token: str(added) for token, added in known.items() if added.special}
    channels = CHANNEL in names.values()
    hidden = {token for token, name in names.items() if not is_mark(str(name), channels)}

    def write(prompt: list[int], answer: list[int]) -> str:
        text = str(tokenizer.decode([token for token in answer if token not in hidden])).strip()
        opening = opened_by(str(tokenizer.decode(prompt[-_PROMPT_END:])))
        return f"{opening}\n{text}" if opening else text

    return write
