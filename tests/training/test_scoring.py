"""Log-probabilities: the same in shared rows, one by one and token by token, in every family."""

from __future__ import annotations

import pytest
import torch
from trl.trainer.utils import add_fused_lm_head

from plural_core.study.models_config import TINY_FAMILIES
from plural_core.training.scoring import halving, log_probs, shares_prompts
from plural_core.training.sequences import Row, TokenSequence, pack, rows_of
from tests.training.pairs_material import naive_log_probs, random_sequences, small_model


def scored(model: torch.nn.Module, sequences: list[TokenSequence], longest: int | None, pad: int = 0) -> torch.Tensor:
    rows = rows_of(sequences, range(len(sequences)), longest)
    packed = pack(sequences, rows, pad, torch.float32)
    assert packed.members == tuple(range(len(sequences)))
    with torch.no_grad():
        return log_probs(model, packed)


@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_rows_that_share_a_prompt_change_nothing(family: str) -> None:
    model, sequences = small_model(family), random_sequences(4, 3)
    expected = naive_log_probs(model, sequences).float()
    assert expected.std() > 5  # far from a model that finds everything equally likely
    for longest in (None, 30, 128):
        torch.testing.assert_close(scored(model, sequences, longest), expected, rtol=2e-5, atol=2e-4)
    assert shares_prompts(model, sequences, 0)


def test_padding_is_not_looked_at() -> None:
    model, sequences = small_model("llama"), random_sequences(3, 2)
    for longest in (None, 128):
        assert torch.equal(scored(model, sequences, longest, pad=0), scored(model, sequences, longest, pad=7))


def test_a_response_does_not_see_the_other_responses() -> None:
    model = small_model("qwen3")
    one, two = TokenSequence((5, 6, 7), (8, 9, 2)), TokenSequence((5, 6, 7), (10, 11, 12, 2))
    other = TokenSequence((5, 6, 7), (40, 41, 42, 2))
    torch.testing.assert_close(scored(model, [two, one], 99)[1], scored(model, [other, one], 99)[1])


def test_gradients_are_the_same_in_shared_rows() -> None:
    model, sequences = small_model("gemma2"), random_sequences(3, 3)
    found = []
    for longest in (None, 128):
        model.zero_grad()
        rows = rows_of(sequences, range(len(sequences)), longest)
        (log_probs(model, pack(sequences, rows, 0, torch.float32)) * torch.arange(9.0)).sum().backward()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert found[0].norm() > 1
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-3 * float(found[0].abs().max()))


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_neox"])
def test_trls_fused_head_gives_the_same(family: str) -> None:
    model, sequences = small_model(family), random_sequences(3, 3)
    packed = pack(sequences, rows_of(sequences, range(9), 128), 0, torch.float32)
    with torch.no_grad():
        expected = log_probs(model, packed)
        add_fused_lm_head(model)
        torch.testing.assert_close(log_probs(model, packed, fused=True), expected, rtol=1e-5, atol=1e-4)


def test_a_window_that_is_shorter_than_the_texts_rules_shared_rows_out() -> None:
    sequences = random_sequences(4, 3, longest=40)
    assert shares_prompts(small_model("mistral"), sequences, 0)
    assert not shares_prompts(small_model("mistral", sliding_window=6), sequences, 0)


def test_a_model_that_ignores_the_mask_is_found_out() -> None:
    model, sequences = small_model("llama"), random_sequences(4, 3)
    plain = model.forward
    model.forward = lambda attention_mask=None, **inputs: plain(**inputs)  # type: ignore[method-assign]
    assert not shares_prompts(model, sequences, 0)

    def refuses(attention_mask: torch.Tensor | None = None, **inputs: torch.Tensor) -> object:
        if attention_mask is not None:
            raise ValueError("this attention takes no mask")
        return plain(**inputs)

    model.forward = refuses  # type: ignore[method-assign]
    assert not shares_prompts(model, sequences, 0)


def test_nothing_is_shared_where_every_prompt_has_one_response() -> None:
    assert not shares_prompts(small_model("llama"), random_sequences(3, 1), 0)


def test_rows_hold_every_response_once_and_no_more_than_fits() -> None:
    sequences = random_sequences(6, 5, seed=3)
    for longest in (1, 20, 40, None):
        rows = rows_of(sequences, range(30), longest)
        assert [i for row in rows for i in row.members] == list(range(30))
        for row in rows:
            assert {sequences[i].prompt for i in row.members} == {row.prompt}
            assert len(row.members) == 1 or (longest is not None and row.length(sequences) <= longest)
    assert len(rows_of(sequences, range(30), 10**6)) == 6


def test_a_row_as_tensors() -> None:
    sequences = [TokenSequence((5, 6), (7, 2)), TokenSequence((5, 6), (8, 9, 2)), TokenSequence((4,), (2,))]
    packed = pack(sequences, [Row((5, 6), (0, 1)), Row((4,), (2,))], 0, torch.float32)
    assert packed.input_ids.tolist() == [[5, 6, 7, 6, 8, 9], [4, 0, 0, 0, 0, 0]]
    assert packed.position_ids.tolist() == [[0, 1, 2, 1, 2, 3], [0] * 6]
    assert packed.labels.tolist() == [[-100, 7, 2, 8, 9, 2], [2] + [-100] * 5]
    assert packed.owner.tolist() == [0, 0, 1, 1, 1, 2]
    assert packed.attention_mask is not None
    seen = (packed.attention_mask[0, 0] == 0).int().tolist()
    assert seen[2] == [1, 1, 1, 0, 0, 0]
    assert seen[5] == [1, 0, 0, 1, 1, 1]


def test_halving_until_it_fits() -> None:
    tried = []

    def run(size: int) -> str:
        tried.append(size)
        if size > 3:
            raise torch.OutOfMemoryError("too much")
        return "done"

    assert halving(run, 20) == ("done", 2)
    assert tried == [20, 10, 5, 2]

    def never(size: int) -> None:
        raise torch.OutOfMemoryError("too much")

    with pytest.raises(torch.OutOfMemoryError):
        halving(never, 8)
