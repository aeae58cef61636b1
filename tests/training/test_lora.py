"""Adapters: a fresh config for every model, and a base model that comes back as it was."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from plural_core.study.models_config import TINY_FAMILIES
from plural_core.study.training_config import LoraConfig
from plural_core.training.lora import ADAPTER_FILE, attach, borrowed, lora_config, save_adapter
from tests.training.pairs_material import small_model

IDS = torch.tensor([[5, 6, 7, 8]])


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS).logits
    return found


def spoil(model: torch.nn.Module) -> None:
    """Give the adapter weights that change what the model says."""
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)


def adapted(model: torch.nn.Module) -> int:
    return sum(isinstance(module, BaseTunerLayer) for module in model.modules())


def test_every_family_gets_all_its_layers_one_after_the_other() -> None:
    # One config for two models adapts the wrong layers of the second one, or raises.
    for family in TINY_FAMILIES:
        model: Any = small_model(family)
        linear = sum(isinstance(module, torch.nn.Linear) for module in model.modules()) - 1  # but the head
        before = logits(model)
        with borrowed(model):
            tuned = attach(model, LoraConfig(), seed=1)
            assert adapted(tuned) == linear
            assert torch.equal(logits(tuned), before)  # B is zero: training starts from the base model
            spoil(tuned)
            assert not torch.allclose(logits(tuned), before)
        assert torch.equal(logits(model), before)


def test_only_the_layers_that_are_named() -> None:
    model: Any = small_model("llama")
    attach(model, LoraConfig(target_modules=["q_proj", "v_proj"]), seed=1)
    assert adapted(model) == 4


def test_the_config_carries_every_setting() -> None:
    made = lora_config(LoraConfig(r=4, alpha=12, dropout=0.25))
    assert (made.r, made.lora_alpha, made.lora_dropout, made.target_modules) == (4, 12, 0.25, "all-linear")
    assert lora_config(LoraConfig()) is not lora_config(LoraConfig())


@pytest.mark.parametrize("fails", [False, True])
def test_the_base_model_comes_back_as_it_was(fails: bool) -> None:
    model: Any = small_model("llama")
    model.lm_head.weight.requires_grad_(False)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    wanted = [p.requires_grad for p in model.parameters()]
    names, config = set(vars(model)), copy.deepcopy(model.config.to_dict())
    generation = copy.deepcopy(model.generation_config.to_dict())
    try:
        with borrowed(model):
            tuned = attach(model, LoraConfig(), seed=1)
            tuned.enable_input_require_grads()
            tuned.train()
            model.forward = lambda **inputs: None
            model.config.use_cache, model.config.pad_token_id = False, 7
            model.generation_config.eos_token_id = 9
            model.model_tags = ["dpo"]
            tuned.get_base_model().model.layers[0].self_attn.q_proj.lora_A["default"].weight.grad = torch.ones(8, 32)
            if fails:
                raise RuntimeError("killed")
    except RuntimeError:
        assert fails
    assert adapted(model) == 0
    assert set(vars(model)) == names
    assert not model.training
    assert not any(module.training for module in model.modules())
    assert [p.requires_grad for p in model.parameters()] == wanted
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert model.state_dict().keys() == weights.keys()
    assert model.config.to_dict() == config
    assert model.generation_config.to_dict() == generation
    assert not model.model.embed_tokens._forward_hooks
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # PEFT warns where it finds leftovers of an adapter
        attach(model, LoraConfig(), seed=2)


def saved(folder: Path, seed: int) -> bytes:
    model: Any = small_model("llama")
    save_adapter(attach(model, LoraConfig(), seed), folder)
    return (folder / ADAPTER_FILE).read_bytes()


def test_same_seed_same_adapter(tmp_path: Path) -> None:
    assert saved(tmp_path / "a", 1) == saved(tmp_path / "b", 1)
    assert saved(tmp_path / "a", 1) != saved(tmp_path / "c", 2)
    assert (tmp_path / "a" / "adapter_config.json").read_bytes() == (
        tmp_path / "b" / "adapter_config.json"
    ).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["adapter_config.json", ADAPTER_FILE]


def test_a_saved_adapter_says_the_same_when_loaded(tmp_path: Path) -> None:
    model: Any = small_model("phi3")
    with borrowed(model):
        tuned = attach(model, LoraConfig(), seed=1)
        spoil(tuned)
        expected = logits(tuned)
        save_adapter(tuned, tmp_path / "adapter")
    loaded = peft.PeftModel.from_pretrained(model, str(tmp_path / "adapter"))
    assert torch.equal(logits(loaded), expected)
