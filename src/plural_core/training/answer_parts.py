"""Parts of a sampled batch: answers of like length, without the padding of the longest; their gradients add up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Batch = dict[str, Any]
"""What TRL makes of sampled answers: prompt_ids and prompt_mask (padded on the left), completion_ids and
completion_mask (padded on the right), advantages, reference log-probabilities and the like."""


def by_length(mask: torch.Tensor, most: int) -> Iterator[torch.Tensor]:
    """Yield the rows of a mask (rows, positions) in parts of at most `most`, those of like length together."""
    order = mask.sum(1).argsort(stable=True)
    for start in range(0, len(order), most):
        yield order[start : start + most]


def filled(mask: torch.Tensor, split: int) -> tuple[int, int]:
    """Return the first position that a row fills and the one after the last, with `split` (a prompt's end) inside."""
    used = mask.any(0).nonzero().squeeze(1)
    if not len(used):
        return split - 1, split + 1
    return min(int(used[0]), split - 1), max(int(used[-1]) + 1, split + 1)


def part_of(batch: Batch, rows: torch.Tensor) -> Batch:
    """Return some rows of a batch, cut to the positions that they fill."""
    prompts, answers = batch["prompt_mask"][rows], batch["completion_mask"][rows]
    prompt = slice(filled(prompts, prompts.shape[1])[0], None)
    answer = slice(None, filled(answers, 0)[1])
    part: Batch = {}
    for name, value in batch.items():
        if name in ("prompt_ids", "prompt_mask"):
            part[name] = value[rows, prompt]
        elif getattr(value, "ndim", 0) == 2:  # by position of the answer
            part[name] = value[rows, answer]
        else:
            part[name] = value[rows] if getattr(value, "ndim", 0) == 1 else value
    return part


def share_of(part: Batch, batch: Batch, loss_type: str) -> float:
    """Return the factor that makes the sum of the parts' losses that of the whole, for each of TRL's losses.

    ``grpo`` and ``dr_grpo`` are means over answers; ``bnpo`` is one over the tokens of what it is given; ``dapo``
    divides by the tokens of the whole batch by itself.
    """
    if loss_type == "dapo":
        return 1.0
    if loss_type == "bnpo":
        return float(part["completion_mask"].sum() / batch["completion_mask"].sum().clamp(min=1))
    return len(part["advantages"]) / len(batch["advantages"])
