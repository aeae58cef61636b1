"""Pairs as DPO sees them: every response once, and a loss that is the loss of all comparisons."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.training.groups import PairSet, Text, order_accuracy, pair_losses, pair_set, pair_texts
from plural_core.training.sequences import TokenSequence
from plural_core.training.trained import TrainingError
from tests.training.pairs_material import make_anchored, make_pairs, make_texts


def fake_tokens(texts: list[Text]) -> dict[Text, TokenSequence]:
    return {text: TokenSequence(tuple(text[0].encode()), tuple(text[1].encode())) for text in texts}


def make_set(pairs: pd.DataFrame, texts: pd.DataFrame, counterparts: dict[str, str] | None = None) -> PairSet:
    chosen, rejected = pair_texts(pairs, texts, counterparts)
    return pair_set(pairs, texts, fake_tokens(chosen + rejected), counterparts)


def test_every_response_stands_once_and_beside_those_to_its_prompt() -> None:
    texts = make_texts(10)
    pairs = make_pairs(texts).sample(frac=1.0, random_state=1)
    made = make_set(pairs, texts)
    assert len(made.sequences) == 30
    assert len({s.key for s in made.sequences}) == 30
    prompts = [s.prompt for s in made.sequences]
    assert len(set(prompts)) == 10
    assert sum(p != q for p, q in pairwise(prompts)) == 9
    assert (np.diff(made.group) >= 0).all()
    response = dict(zip(texts["item_id"], texts["response"], strict=True))
    found = {
        (bytes(made.sequences[a].response).decode(), bytes(made.sequences[b].response).decode(), w, p)
        for a, b, w, p in zip(made.first, made.second, made.weight, made.share, strict=True)
    }
    assert found == {
        (response[r.chosen_item], response[r.rejected_item], r.weight, r.share) for r in pairs.itertuples()
    }


def test_counterparts_stand_for_the_base_models_answer() -> None:
    texts = make_texts(6)
    pairs, counterparts = make_anchored(texts)
    made = make_set(pairs, texts, counterparts)
    answer = tuple(b"no answer at all.")
    assert [made.sequences[i].response == answer for i in made.first] == [False, True] * 3
    assert [made.sequences[i].response == answer for i in made.second] == [True, False] * 3
    with pytest.raises(TrainingError, match="prompt 'q001' has no counterpart"):
        make_set(pairs, texts)


def test_prompts_that_the_base_model_answers_with_nothing_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    texts = make_texts(6)
    pairs, counterparts = make_anchored(texts)
    pairs["weight"] = [0.5, 2.0, 0.5, 1.0, 1.0, 1.0]
    encoded = fake_tokens([text for side in pair_texts(pairs, texts, counterparts) for text in side])
    made = pair_set(pairs, texts, encoded, {k: v for k, v in counterparts.items() if k != "q001"})
    assert len(made) == 5
    assert made.weight.tolist() == pytest.approx([0.625, 0.625, 1.25, 1.25, 1.25])
    assert "1 of 6 pairs are left out" in caplog.text
    with pytest.raises(TrainingError, match="answers none of the prompts"):
        pair_set(pairs, texts, encoded, {})


def test_equal_answers_are_one_response() -> None:
    texts = make_texts(1)
    texts["response"] = "the same."
    made = make_set(make_pairs(texts), texts)
    assert len(made.sequences) == 1
    assert (made.first == made.second).all()


def test_what_is_missing_is_named() -> None:
    texts = make_texts(2)
    pairs = make_pairs(texts)
    with pytest.raises(TrainingError, match="no pairs"):
        make_set(pairs.iloc[:0], texts)
    with pytest.raises(TrainingError, match="item 'i0001' has no text"):
        make_set(pairs, texts[texts["item_id"] != "i0001"])
    with pytest.raises(TrainingError, match="6 responses have no reference log-probability"):
        pair_set(pairs, texts, {})


counts = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda c: sum(c) > 0), min_size=1, max_size=8)


@given(counts, st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_merged_pairs_have_the_loss_and_gradient_of_all_comparisons(wins: list[tuple[int, int]], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(len(wins), generator=generator, dtype=torch.float64).mul(3).requires_grad_()
    n = torch.tensor([a + b for a, b in wins], dtype=torch.float64)
    share = torch.tensor([a / (a + b) for a, b in wins], dtype=torch.float64)
    merged = pair_losses(z, n / n.mean(), share).mean()
    signs = [(i, sign) for i, (a, b) in enumerate(wins) for sign in [1.0] * a + [-1.0] * b]
    index, sign = torch.tensor([i for i, _ in signs]), torch.tensor([s for _, s in signs])
    # The DPO loss as it is written: minus the log of the sigmoid, the mean over all comparisons.
    repeated = -torch.nn.functional.logsigmoid(sign * z[index]).mean()
    torch.testing.assert_close(merged, repeated)
    torch.testing.assert_close(torch.autograd.grad(merged, z)[0], torch.autograd.grad(repeated, z)[0])
    with torch.no_grad():
        accuracy = order_accuracy(z, n / n.mean(), share).mean()
        torch.testing.assert_close(accuracy, ((sign * z[index]) > 0).double().mean())


def test_a_tie_gets_half_of_its_comparisons_right() -> None:
    z, one = torch.zeros(1), torch.ones(1)
    assert order_accuracy(z, one, torch.tensor([0.9])).item() == pytest.approx(0.5)
    assert pair_losses(z, 3 * one, torch.tensor([0.9])).item() == pytest.approx(3 * np.log(2))


def test_large_margins_do_not_overflow() -> None:
    z = torch.tensor([-1e4, 1e4], requires_grad=True)
    loss = pair_losses(z, torch.ones(2), torch.tensor([1.0, 0.75]))
    assert loss.tolist() == [1e4, 2500.0]
    assert torch.isfinite(torch.autograd.grad(loss.sum(), z)[0]).all()
