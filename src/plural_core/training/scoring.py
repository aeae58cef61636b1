"""Log-probabilities of responses under a model: sums over the tokens of each response, its end included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plural_core.training.sequences import IGNORE, Packed, TokenSequence, pack, rows_of

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel

TOLERANCE = 1e-3
"""Largest difference of a log-probability, as a share of it, that counts as the same in float32."""


def log_probs(model: nn.Module, packed: Packed, fused: bool = False) -> torch.Tensor:
    """Return the log-probability of each response, summed over its tokens.

    The model's own head runs at the positions that predict a response and at no others, so whatever an architecture
    does to its logits (soft caps, scales) is done.

    Parameters
    ----------
    model : Module
        A causal language model, with or without adapter.
    packed : Packed
        Responses; moved to the model's device.
    fused : bool
        Use TRL's fused head, which never builds the logits, in place of the model's own; the model must have it
        (`trl.trainer.utils.add_fused_lm_head`). For large vocabularies on a GPU.

    Returns
    -------
    Tensor, shape (responses,)
        In the order of ``packed.members``, float32, with gradient where the model has one.
    """
    import torch

    device = next(model.parameters()).device
    labels, owner = packed.labels.to(device), packed.owner.to(device)
    inputs: dict[str, Any] = {"input_ids": packed.input_ids.to(device), "use_cache": False}
    if packed.attention_mask is not None:
        inputs["attention_mask"] = packed.attention_mask.to(device)
        inputs["position_ids"] = packed.position_ids.to(device)
    keep = labels != IGNORE
    if fused:
        tokens = model(**inputs, shift_labels=labels, fused_lm_head=True).log_probs[keep]
    else:
        where = keep.flatten().nonzero().squeeze(1)
        with _head_at(model, where):
            logits = model(**inputs).logits[0]
        tokens = -torch.nn.functional.cross_entropy(logits.float(), labels[keep], reduction="none")
    sums = torch.zeros(len(packed.members), dtype=torch.float32, device=device)
    return sums.index_add(0, owner, tokens.float())


@contextmanager
def _head_at(model: nn.Module, where: torch.Tensor) -> Iterator[None]:
    """Let the model's head see the hidden states at these positions only, as one row."""
    head = model.get_output_embeddings()  # type: ignore[operator]  # every causal language model of transformers
    hook = head.register_forward_pre_hook(
        lambda _, arguments: (arguments[0].flatten(0, 1).index_select(0, where).unsqueeze(0), *arguments[1:])
    )
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def fused_head(model: PreTrainedModel) -> Iterator[None]:
    """Give a model TRL's fused head within the block, so that `log_probs` can be asked for it."""
    from trl.trainer.utils import add_fused_lm_head

    own = vars(model).get("forward")
    add_fused_lm_head(model)
    try:
        yield
    finally:
        del model.forward
        if own is not None:
            vars(model)["forward"] = own


def shares_prompts(model: nn.Module, sequences: Sequence[TokenSequence], pad: int) -> bool:
    """Return whether this model scores responses the same when they share a row with their prompt.

    An architecture may ignore attention masks of such a shape (or windows may not reach over a row), so it is tried,
    on the longest responses that are there: the same responses in one row and one by one.

    Parameters
    ----------
    model : Module
        The base model.
    sequences : sequence of TokenSequence
        What will be scored.
    pad : int
        Token for padding.
    """
    import torch

    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for i, sequence in enumerate(sequences):
        by_prompt.setdefault(sequence.prompt, []).append(i)
    groups = [group for group in by_prompt.values() if len(group) > 1]
    if not groups:
        return False
    longest = max(groups, key=lambda group: max(len(sequences[i]) for i in group))
    longest = sorted(longest, key=lambda i: len(sequences[i]))[-2:]
    dtype = next(model.parameters()).dtype
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = log_probs(model, pack(sequences, rows_of(sequences, longest, None), pad, dtype))
            together = log_probs(model, pack(sequences, rows_of(sequences, longest, 2**31), pad, dtype))
    except (RuntimeError, ValueError, TypeError, NotImplementedError, IndexError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        return False  # an attention that takes no such mask says so in its own way
    finally:
        model.train(was_training)
    room = TOLERANCE if dtype == torch.float32 else 20 * TOLERANCE
    return bool(((alone - together).abs() <= room * (1 + alone.abs())).all())


def halving(run: Callable[[int], Any], size: int) -> tuple[Any, int]:
    """Run with `size`, and while memory runs out with half of it; return the result and the size that fitted.

    Raises
    ------
    torch.OutOfMemoryError
        Size 1 does not fit either.
    """
    import torch

    while True:
        try:
            return run(size), size
        except torch.OutOfMemoryError:
            if size <= 1:
                raise
        # Out of the handler, so that the failed run's tensors are let go before the next one starts.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size //= 2
