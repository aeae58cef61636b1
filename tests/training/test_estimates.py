"""Memory and hours of real models: the numbers behind docs/llm.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    Phi3Config,
    PretrainedConfig,
    Qwen3Config,
)

from plural_core.study import load_study
from plural_core.training.estimates import (
    A100,
    H100,
    LORA_RANK,
    SHAPES,
    Shape,
    answer_hours,
    condition_hours,
    estimates_table,
    memory,
    train_hours,
)

HEADS: dict[str, tuple[type[PretrainedConfig], dict[str, Any]]] = {
    "llama_1b": (LlamaConfig, {"num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": True}),
    "qwen3_4b": (
        Qwen3Config,
        {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True},
    ),
    "mistral_7b": (MistralConfig, {"num_attention_heads": 32, "num_key_value_heads": 8}),
    "olmo2_7b": (Olmo2Config, {"num_attention_heads": 32}),
    "r1_llama_8b": (LlamaConfig, {"num_attention_heads": 32, "num_key_value_heads": 8}),
    "gemma2_9b": (Gemma2Config, {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256}),
    "phi4_14b": (Phi3Config, {"num_attention_heads": 40, "num_key_value_heads": 10}),
}
"""What is published of each model beside its sizes: architecture and heads."""


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_parameters_are_those_of_the_architecture(shape: Shape) -> None:
    kind, heads = HEADS[shape.name]
    config = kind(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        **heads,
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert sum(p.numel() for p in model.parameters()) / 1e9 == pytest.approx(shape.parameters, abs=0.006)
    head = model.get_output_embeddings()
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
    adapter = sum(LORA_RANK * (m.in_features + m.out_features) for m in linear)
    assert adapter / 1e6 == pytest.approx(shape.adapter, abs=0.06)


def test_the_config_names_the_same_models(root: Path) -> None:
    config = load_study(root / "configs" / "llm.yaml").config
    assert config.models.families == [shape.name for shape in SHAPES]
    for shape in SHAPES:
        entry = config.models.hub[shape.name]
        assert (entry.model, entry.parameters, entry.reasoning) == (shape.model, shape.parameters, shape.reasoning)
    assert config.training.lora.r == LORA_RANK
    assert config.training.conditions_per_job == 1


def test_the_document_shows_the_table(root: Path) -> None:
    assert estimates_table() in (root / "docs" / "llm.md").read_text(encoding="utf-8")


def test_the_rule_of_thumb_by_hand() -> None:
    shape = Shape("x", "x/x", 7.0, 40.0, 32, 4096, 11008, 32000)
    need = memory(shape, pairs=1, sequence=500)
    assert (need.weights, need.adapter) == (14.0, 0.64)
    per_token = 2 * 32 * 4096 + 16 * 4096 + 8 * 11008 + 10 * 32000
    assert need.activations == pytest.approx(1000 * per_token / 1e9)
    assert need.total == pytest.approx(1.1 * (14.64 + need.activations) + 1.5)
    assert train_hours(shape, H100, 1e6) == pytest.approx(8 * 7e9 * 1e6 / (989e12 * 0.35) / 3600)
    assert answer_hours(shape, A100, 33, 100, 32) == pytest.approx(2 * 100 * 0.7e-3 * 32 / 3600), "Python is slower"
    large = replace(shape, parameters=70.0)
    assert answer_hours(large, A100, 32, 100, 32) == pytest.approx(100 * 140e9 / (2e12 * 0.6) / 3600), "memory is"


def test_more_costs_more() -> None:
    for shape in SHAPES:
        assert memory(shape, pairs=4).total > memory(shape).total
        assert condition_hours(shape, A100)[0] > condition_hours(shape, H100)[0]
        dpo, grpo = condition_hours(shape, H100)
        assert grpo > dpo
        assert condition_hours(replace(shape, reasoning=True), H100) >= (dpo, grpo)
