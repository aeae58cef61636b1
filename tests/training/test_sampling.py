"""Sampled answers: those of transformers where nothing is left to chance, the model's distribution where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import peft
import pytest
import torch
from scipy.stats import chisquare

from plural_core.study.models_config import TINY_FAMILIES
from plural_core.study.training_config import LoraConfig
from plural_core.training import sampling
from plural_core.training.lora import attach
from plural_core.training.sampling import can_sample, draw, merged, sample
from plural_core.training.trained import TrainingError
from tests.training.pairs_material import small_model

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # the libraries warn each other of new names

STOPS, PAD = (2, 7, 11, 13), 0
COLD = 1e-6
"""A temperature at which the likeliest token is always drawn."""
SETTINGS: dict[str, Any] = {"stops": STOPS, "pad": PAD, "max_new_tokens": 24, "max_length": 128}


def prompts(n: int = 6, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [[int(t) for t in rng.integers(14, 80, int(rng.integers(2, 14)))] for _ in range(n)]


def greedy(model: Any, asked: list[list[int]], stops: tuple[int, ...] = ()) -> list[list[int]]:
    """Return the answers of transformers' own generate, one prompt at a time."""
    answers = []
    for prompt in asked:
        out = model.generate(
            torch.tensor([prompt]), max_new_tokens=24, do_sample=False, eos_token_id=[999], pad_token_id=PAD
        )
        new = out[0, len(prompt) :].tolist()
        answers.append(new[: next((k for k, token in enumerate(new) if token in stops), len(new) - 1) + 1])
    return answers


@pytest.mark.parametrize("drop_at", [0.0, 2.0])
@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_answers_are_those_of_transformers(family: str, drop_at: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "DROP_AT", drop_at)
    model = small_model(family)
    asked = prompts()
    whole = greedy(model, asked)
    stops = (whole[0][4], whole[1][9])  # so that rows leave at different times
    expected = greedy(model, asked, stops)
    assert len({len(answer) for answer in expected}) > 1
    answers = sample(model, asked, 2, temperature=COLD, **SETTINGS | {"stops": stops})
    assert answers == [answer for answer in expected for _ in range(2)]


def test_windows_of_attention() -> None:
    model = small_model("gemma2", sliding_window=6)
    asked = prompts(4)
    assert sample(model, asked, 1, temperature=COLD, **SETTINGS) == greedy(model, asked, STOPS)


def test_an_answer_ends_with_its_stop_or_is_cut() -> None:
    model = small_model("llama")
    answers = sample(model, prompts(20), 4, **SETTINGS)
    assert len(answers) == 80
    for answer in answers:
        assert all(token not in STOPS for token in answer[:-1])
        assert len(answer) == 24 or answer[-1] in STOPS
    assert any(answer[-1] in STOPS for answer in answers)


def test_answers_fit_into_the_context() -> None:
    model = small_model("llama")
    asked = [[20] * 5, [21] * 30, [22] * 39]
    answers = sample(model, asked, 3, stops=(), pad=PAD, max_new_tokens=24, max_length=40)
    assert [len(answer) for answer in answers] == [24] * 3 + [10] * 3 + [1] * 3


def fits(counts: np.ndarray, probabilities: np.ndarray) -> bool:
    """Return whether counts are what these probabilities give, by a chi-squared test."""
    return bool(chisquare(counts, counts.sum() * probabilities / probabilities.sum()).pvalue > 0.01)


def test_draws_follow_the_model() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, 2.5, -30.0, 0.5])
    torch.manual_seed(3)
    drawn = draw(logits.repeat(20_000, 1)).numpy()
    p = logits.double().softmax(0).numpy()
    counts = np.bincount(drawn, minlength=6)
    assert counts[4] == 0
    assert fits(np.delete(counts, 4), np.delete(p, 4))


def test_sampled_tokens_follow_the_model_whatever_has_left() -> None:
    """The second token, after rows that stopped at the first have left, has the model's own distribution."""
    model = small_model("llama", seed=4)
    torch.manual_seed(0)
    answers = sample(model, [[20, 33, 41]], 4000, stops=(2, 7), pad=PAD, max_new_tokens=2, max_length=128)
    with torch.no_grad():
        first = model(torch.tensor([[20, 33, 41]])).logits[0, -1].double().softmax(-1)
        token = int(first.argmax())
        second = model(torch.tensor([[20, 33, 41, token]])).logits[0, -1].double().softmax(-1).numpy()
    drawn = np.bincount([a[0] for a in answers], minlength=80)
    likely = first.numpy() * 4000 > 5
    assert fits(drawn[likely], first.numpy()[likely])
    after = [a[1] for a in answers if a[0] == token and len(a) == 2]
    drawn = np.bincount(after, minlength=80)
    likely = second * len(after) > 5
    assert fits(drawn[likely], second[likely])


def test_same_seed_same_answers() -> None:
    model = small_model("qwen3")
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(sample(model, prompts(), 3, **SETTINGS))
    assert found[0] == found[1] != found[2]


def test_probabilities_that_are_no_numbers() -> None:
    with pytest.raises(TrainingError, match="no finite numbers"):
        draw(torch.tensor([[0.0, float("nan")]]))


# --- the adapter ------------------------------------------------------------------------------------------------------


def with_adapter(family: str) -> peft.PeftModel:
    model = attach(small_model(family), LoraConfig(r=4, alpha=8), 0).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.3)
    return model


@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_merging_changes_neither_answers_nor_weights(family: str) -> None:
    model = with_adapter(family)
    ids = torch.tensor([[20, 30, 40, 50]])
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    memory = {name: value.data_ptr() for name, value in model.state_dict().items()}
    with torch.no_grad():
        plain = model(ids).logits
        with model.disable_adapter():
            base = model(ids).logits
        with merged(model):
            assert not any("lora" in name for name, _ in model.named_modules())
            torch.testing.assert_close(model(ids).logits, plain, rtol=1e-4, atol=1e-4)
        assert torch.equal(model(ids).logits, plain)
    assert not torch.allclose(base, plain, atol=0.05)
    after = model.state_dict()
    assert weights.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in weights.items())
    assert memory == {name: value.data_ptr() for name, value in after.items()}


def test_weights_come_back_after_an_error() -> None:
    model = with_adapter("llama")
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(RuntimeError, match="broken"), merged(model):
        raise RuntimeError("broken")
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in weights.items())


def test_large_models_and_other_precisions_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    half = with_adapter("llama").to(torch.bfloat16)
    with merged(half):
        assert any("lora" in name for name, _ in half.named_modules())
    monkeypatch.setattr(sampling, "SMALL", 10)
    large = with_adapter("llama")
    with merged(large):
        assert any("lora" in name for name, _ in large.named_modules())


def test_which_models_can_sample() -> None:
    assert all(can_sample(small_model(family)) for family in TINY_FAMILIES)
    from transformers import Mamba2Config, Mamba2ForCausalLM

    config = Mamba2Config(vocab_size=80, hidden_size=32, num_heads=4, head_dim=16, num_hidden_layers=1)
    with torch.device("meta"):
        state_space = Mamba2ForCausalLM(config)
    assert not can_sample(state_space)
