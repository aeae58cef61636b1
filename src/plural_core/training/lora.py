"""Low-rank adapters: a fresh config for every model, the base model given back as it was, and adapters as files."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plural_core.study.training_config import LoraConfig

if TYPE_CHECKING:
    import peft
    from torch import nn
    from transformers import PreTrainedModel

ADAPTER_FILE = "adapter_model.safetensors"
"""PEFT's own name for the weights of an adapter."""


def lora_config(lora: LoraConfig) -> peft.LoraConfig:
    """Return PEFT's config of an adapter, new at every call.

    PEFT replaces ``all-linear`` in the config by the names of the model's layers, so a config that is used for a
    second model adapts the wrong layers or none.

    Parameters
    ----------
    lora : LoraConfig
        Section ``training.lora``.
    """
    import peft

    return peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.target_modules) or "all-linear",
        bias="none",
        use_rslora=False,
        use_dora=False,
        init_lora_weights=True,  # A random, B zero: training starts from the base model
    )


def attach(model: PreTrainedModel, lora: LoraConfig, seed: int) -> peft.PeftModel:
    """Put a new adapter into a base model, in place; do it within `borrowed` to get the base model back.

    Parameters
    ----------
    model : PreTrainedModel
        The base model.
    lora : LoraConfig
        Section ``training.lora``.
    seed : int
        Seed of the adapter's first weights; the same seed gives the same weights.
    """
    import peft
    from transformers import set_seed

    set_seed(seed)
    return peft.get_peft_model(model, lora_config(lora))


@contextmanager
def borrowed(model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """Lend a base model to a trainer, and take it back as it was when the block ends, however it ends.

    PEFT puts its layers into the model in place, TRL replaces its ``forward`` and switches dropout off, and
    transformers' Trainer changes its config: everything but the weights, which PEFT freezes, is put back. Many
    fine-tunes can therefore share one base model.
    """
    modules = list(model.modules())
    training = [module.training for module in modules]
    dropout = [getattr(module, "p", None) for module in modules]
    wanted = [parameter.requires_grad for parameter in model.parameters()]
    hooks = [dict(module._forward_hooks) for module in modules]
    own = dict(vars(model))
    configs = [c for c in (model.config, model.generation_config) if c is not None]
    settings = [copy.deepcopy(vars(config)) for config in configs]
    try:
        with warnings.catch_warnings():
            # The libraries warn each other of names that will change; nobody who runs a study can do anything about it.
            warnings.simplefilter("ignore", FutureWarning)
            yield model
    finally:
        remove_adapters(model)
        for module, mode, p, hook in zip(modules, training, dropout, hooks, strict=True):
            module.training = mode
            if p is not None:
                module.p = p
            module._forward_hooks.clear()
            module._forward_hooks.update(hook)
        for parameter, requires in zip(model.parameters(), wanted, strict=True):
            parameter.requires_grad_(requires)
            parameter.grad = None
        for name in set(vars(model)) - set(own):
            delattr(model, name)
        vars(model).update(own)
        for config, values in zip(configs, settings, strict=True):
            vars(config).clear()
            vars(config).update(values)


def remove_adapters(model: nn.Module) -> None:
    """Put a model's own layers back where PEFT has put adapters around them; the adapters are lost."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BaseTunerLayer):
                setattr(parent, name, child.get_base_layer())


def save_adapter(model: peft.PeftModel, folder: Path) -> None:
    """Write the adapter as ``adapter_model.safetensors`` and ``adapter_config.json``; the folder is made.

    The same weights give the same bytes. Nothing is written atomically here: see `checkpoints.whole_folder`.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    name = model.active_adapter
    assert isinstance(name, str)
    # Embeddings are never trained here; without the answer PEFT asks the hub whether the vocabulary has grown.
    weights: dict[str, Any] = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    save_file({key: weights[key].contiguous() for key in sorted(weights)}, folder / ADAPTER_FILE, {"format": "pt"})
    config: Any = copy.copy(model.peft_config[name])
    config.inference_mode = True
    if isinstance(config.target_modules, set):
        config.target_modules = sorted(config.target_modules)  # sets have no order of their own
    config.save_pretrained(str(folder))
