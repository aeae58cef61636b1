"""Parts of a batch: every answer once, nothing lost but padding."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from plural_core.training.answer_parts import by_length, filled, part_of, share_of

PROMPTS, ANSWERS = [3, 1, 4, 2, 4], [2, 6, 1, 6, 3]


def batch() -> dict[str, Any]:
    """Return five answers: prompts padded on the left to 5, answers on the right to 7."""
    prompt_mask = torch.tensor([[0] * (5 - n) + [1] * n for n in PROMPTS])
    completion_mask = torch.tensor([[1] * n + [0] * (7 - n) for n in ANSWERS])
    ids = torch.arange(100, 100 + 5 * 12).reshape(5, 12)
    return {
        "prompt_ids": ids[:, :5] * prompt_mask,
        "prompt_mask": prompt_mask,
        "completion_ids": ids[:, 5:] * completion_mask,
        "completion_mask": completion_mask,
        "advantages": torch.arange(5.0),
        "num_items_in_batch": completion_mask.sum(),
        "ref_per_token_logps": ids[:, 5:] * completion_mask / 7.0,
    }


@pytest.mark.parametrize("most", [1, 2, 3, 5, 9])
def test_parts_hold_every_answer_once(most: int) -> None:
    whole = batch()
    mask = torch.cat([whole["prompt_mask"], whole["completion_mask"]], 1)
    parts = list(by_length(mask, most))
    assert sorted(torch.cat(parts).tolist()) == list(range(5))
    assert all(len(rows) <= most for rows in parts)
    sums = [mask[rows].sum(1) for rows in parts]
    assert all(int(a.max()) <= int(b.min()) for a, b in pairwise(sums))


@pytest.mark.parametrize("rows", [[0], [2, 0], [1, 3], [0, 1, 2, 3, 4]])
def test_a_part_loses_padding_only(rows: list[int]) -> None:
    whole, chosen = batch(), torch.tensor(rows)
    part = part_of(whole, chosen)
    longest = max(PROMPTS[r] for r in rows), max(ANSWERS[r] for r in rows)
    assert part["prompt_ids"].shape == part["prompt_mask"].shape == (len(rows), longest[0])
    for name in ("completion_ids", "completion_mask", "ref_per_token_logps"):
        assert part[name].shape == (len(rows), longest[1])
    for name in ("prompt_ids", "completion_ids", "ref_per_token_logps", "completion_mask"):
        for row, values in zip(rows, part[name], strict=True):
            kept = whole[name][row]
            assert values[values != 0].tolist() == kept[kept != 0].tolist()
    assert part["advantages"].tolist() == [float(r) for r in rows]
    assert part["num_items_in_batch"] == whole["num_items_in_batch"]


def test_empty_rows_keep_a_position() -> None:
    assert filled(torch.zeros(2, 6, dtype=torch.long), 4) == (3, 5)
    assert filled(torch.tensor([[0, 1, 1, 1, 0]]), 2) == (1, 4)


@pytest.mark.parametrize("loss_type", ["grpo", "dr_grpo", "bnpo", "dapo"])
def test_shares_add_up(loss_type: str) -> None:
    whole = batch()
    mask = torch.cat([whole["prompt_mask"], whole["completion_mask"]], 1)
    shares = [share_of(part_of(whole, rows), whole, loss_type) for rows in by_length(mask, 2)]
    assert sum(shares) == pytest.approx(len(shares) if loss_type == "dapo" else 1.0)
