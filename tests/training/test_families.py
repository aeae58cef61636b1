"""The seven tiny families: what they are, and what must hold for each of them before anything is built on them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from plural_core.study.models_config import FAMILY_LABELS, TINY_FAMILIES, TinyConfig
from plural_core.training.families import (
    FAMILY_SETTINGS,
    architecture,
    family_seed,
    family_settings,
    new_model,
)
from plural_core.training.fit import collate, response_loss

TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SMALL = TinyConfig(hidden=32, layers=2, heads=4, context=64)


@pytest.fixture(scope="module", params=TINY_FAMILIES)
def small(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.manual_seed(family_seed(1, request.param))
    return new_model(architecture(request.param, SMALL, 320, TOKENS)).eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(3, 320, (2, 12), generator=torch.Generator().manual_seed(0))


def logits(model: PreTrainedModel, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    positions = None if mask is None else (mask.cumsum(1) - 1).clamp(min=0)
    with torch.inference_mode():
        return model(input_ids=tokens, attention_mask=mask, position_ids=positions).logits


@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_each_is_its_own_architecture_of_about_half_a_million_parameters(family: str) -> None:
    tiny = family_settings(TinyConfig(), family)
    with torch.device("meta"):
        model = new_model(architecture(family, tiny, tiny.vocabulary, TOKENS))
    assert model.config.model_type == family
    assert 0.45e6 < sum(p.numel() for p in model.parameters()) < 0.7e6
    assert FAMILY_LABELS[family]


def test_the_future_is_not_seen(small: PreTrainedModel, tokens: torch.Tensor) -> None:
    other = tokens.clone()
    other[:, 8:] = (other[:, 8:] + 7) % 300 + 3
    torch.testing.assert_close(logits(small, tokens)[:, :8], logits(small, other)[:, :8], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(logits(small, tokens)[:, 8:], logits(small, other)[:, 8:], atol=1e-3)


def test_padding_on_the_left_changes_nothing(small: PreTrainedModel, tokens: torch.Tensor) -> None:
    padded = torch.cat([torch.zeros((2, 5), dtype=torch.long), tokens], dim=1)
    mask = (torch.arange(17) >= 5).long().expand(2, -1)
    torch.testing.assert_close(logits(small, padded, mask)[:, 5:], logits(small, tokens), atol=1e-5, rtol=1e-4)


def test_the_loss_is_transformers_own_on_the_response(small: PreTrainedModel, tokens: torch.Tensor) -> None:
    sequences = [(row[:n].tolist(), row[n:end].tolist()) for row, n, end in zip(tokens, (3, 5), (12, 9), strict=True)]
    ids, mask, counts = collate(sequences)
    with torch.inference_mode():
        own = response_loss(small, ids, mask, counts)
        theirs = small(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(~counts, -100)).loss
    torch.testing.assert_close(own, theirs, atol=1e-5, rtol=1e-5)


def test_it_is_the_same_after_saving(small: PreTrainedModel, tokens: torch.Tensor, tmp_path: Path) -> None:
    small.save_pretrained(tmp_path)
    assert [p.name for p in tmp_path.glob("*.bin")] == []
    again = AutoModelForCausalLM.from_pretrained(tmp_path, use_safetensors=True, dtype=torch.float32).eval()
    torch.testing.assert_close(logits(again, tokens), logits(small, tokens), atol=0.0, rtol=0.0)


def test_no_two_families_or_studies_share_a_seed() -> None:
    seeds = {family_seed(seed, family) for seed in (1, 2) for family in TINY_FAMILIES}
    assert len(seeds) == 2 * len(TINY_FAMILIES)
    assert family_seed(1, "llama") == family_seed(1, "llama")


def test_what_a_study_asks_for_comes_before_what_a_family_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILY_SETTINGS, "phi3", {"steps": 7, "batch": 3})
    asked = family_settings(TinyConfig(steps=9), "phi3")
    assert (asked.steps, asked.batch, asked.hidden) == (9, 3, TinyConfig().hidden)
    assert family_settings(TinyConfig(), "llama").steps == FAMILY_SETTINGS.get("llama", {}).get(
        "steps", TinyConfig().steps
    )
