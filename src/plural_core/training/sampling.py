"""Sampled answers: several per prompt, with a cache that lets go of answers that have ended.

In `generate` of transformers every row goes on until the last one has ended, so half of the work is for answers that
are long finished, and drawing from the vocabulary costs as much as a layer of a tiny model. Here finished rows leave
the cache, a prompt is read once for all its answers, and a draw takes one random number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel

SMALL = 50_000_000
"""Parameters up to which a model gets its adapter merged while it answers: there the adapter's own small products
take as long as the layers, and a second copy of the weights costs nothing."""
DROP_AT = 0.1
"""Share of rows that have ended at which they leave the cache: each time costs a copy of it."""


def sample(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    copies: int,
    *,
    stops: Collection[int],
    pad: int,
    max_new_tokens: int,
    max_length: int,
    temperature: float = 1.0,
) -> list[list[int]]:
    """Draw answers from the model's whole distribution (no top-k, top-p or penalty).

    Parameters
    ----------
    model : PreTrainedModel
        In eval mode; an adapter in it counts.
    prompts : sequence of sequences of int
        Tokens of every prompt.
    copies : int
        Answers per prompt.
    stops : collection of int
        Tokens that end an answer.
    pad : int
        Token for padding.
    max_new_tokens : int
        Longest answer.
    max_length : int
        Longest sequence, prompt and answer together.
    temperature : float
        Logits are divided by it.

    Returns
    -------
    list of list of int
        Tokens of the answers, those of one prompt side by side, each with the token that ended it; an answer that
        has no such token at its end was cut.

    Raises
    ------
    TrainingError
        The model's probabilities are no finite numbers.
    """
    import torch
    from transformers import DynamicCache

    device = next(model.parameters()).device
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    room = torch.tensor([min(max_new_tokens, max_length - len(p)) for p in prompts], device=device)
    room = room.repeat_interleave(copies)
    ends = torch.tensor(sorted(stops), device=device)
    answers = torch.full((len(room), max(int(room.max()), 1)), pad, device=device)
    length = torch.zeros_like(room)
    with torch.no_grad():
        cache = DynamicCache(config=model.config)
        place = (mask.cumsum(1) - 1).clamp(min=0)
        logits = _last_logits(model, ids, mask, place, cache)
        cache.batch_repeat_interleave(copies)
        logits, mask, place = (x.repeat_interleave(copies, 0) for x in (logits, mask, place[:, -1:]))
        row = torch.arange(len(room), device=device)
        open_ = room > 0
        for step in range(answers.shape[1]):
            token = draw(logits / temperature)
            answers[row[open_], step] = token[open_]
            length[row[open_]] = step + 1
            open_ = open_ & ~torch.isin(token, ends) & (room[row] > step + 1)
            if not bool(open_.any()):
                break
            if float(open_.float().mean()) <= 1.0 - DROP_AT:
                stay = open_.nonzero().squeeze(1)
                cache.batch_select_indices(stay)
                row, mask, place, token, open_ = (x[stay] for x in (row, mask, place, token, open_))
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            place = place + 1
            logits = _last_logits(model, token.unsqueeze(1), mask, place, cache)
    return [answer[:n] for answer, n in zip(answers.tolist(), length.tolist(), strict=True)]


def draw(logits: torch.Tensor) -> torch.Tensor:
    """Draw one token per row by inverting the distribution function at one uniform number from torch's own generator.

    Parameters
    ----------
    logits : Tensor, shape (rows, vocabulary)
        Any floating type; the sums are in double precision, so that rare tokens of large vocabularies stay possible.

    Returns
    -------
    Tensor of int, shape (rows,)

    Raises
    ------
    TrainingError
        A row's probabilities are no finite numbers.
    """
    import torch

    below = logits.double().softmax(-1).cumsum(-1)
    total = below[:, -1:]
    if not bool(torch.isfinite(total).all()):
        raise TrainingError("the model's probabilities are no finite numbers, so no answers can be sampled from it")
    at = torch.rand(total.shape, dtype=total.dtype, device=total.device) * total
    return torch.searchsorted(below, at, right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)


def can_sample(model: PreTrainedModel) -> bool:
    """Return whether the model's cache holds keys and values only, so that rows can leave it."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    layers = DynamicCache(config=model.config).layers
    return bool(layers) and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


@contextmanager
def merged(model: nn.Module) -> Iterator[None]:
    """Let a small model in full precision answer with its adapter added to its weights, and put both back as they were.

    The weights are put back themselves, not computed by subtracting, so that the base model never drifts. Larger
    models, other precisions and other kinds of adapters answer as they are.
    """
    import torch
    from peft.tuners.lora import Linear
    from peft.tuners.tuners_utils import BaseTunerLayer

    places: list[tuple[nn.Module, str, Any]] = [
        (parent, name, child)
        for parent in list(model.modules())
        for name, child in parent.named_children()
        if isinstance(child, BaseTunerLayer)
    ]
    small = sum(p.numel() for p in model.parameters()) <= SMALL
    plain = all(type(child) is Linear and child.get_base_layer().weight.dtype == torch.float32 for *_, child in places)
    if not (small and plain):
        yield
        return
    weights = [child.get_base_layer().weight.data for *_, child in places]
    try:
        with torch.no_grad():
            for (parent, name, child), weight in zip(places, weights, strict=True):
                layer = child.get_base_layer()
                layer.weight.data = weight + sum(child.get_delta_weight(a) for a in child.active_adapters)
                setattr(parent, name, layer)
        yield
    finally:
        for (parent, name, child), weight in zip(places, weights, strict=True):
            child.get_base_layer().weight.data = weight
            setattr(parent, name, child)


def _last_logits(
    model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor, place: torch.Tensor, cache: object
) -> torch.Tensor:
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=place,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: torch.Tensor = out.logits[:, -1]
    return logits
