"""The seven tiny families: transformers' own architectures at about half a million parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plural_core.simulation.streams import stream
from plural_core.study.models_config import TINY_FAMILIES, TinyConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

FAMILY_SETTINGS: dict[str, dict[str, Any]] = {}
"""Settings of `TinyConfig` that a family needs otherwise, where the study leaves them at their defaults."""

INITIAL_SD = 0.05
"""Standard deviation of the initial weights: 0.02, made for wide models, costs a narrow one half of its training."""


def family_settings(tiny: TinyConfig, family: str) -> TinyConfig:
    """Return the settings of a family: the study's own, then those that the family needs, then the defaults."""
    own = {key: value for key, value in FAMILY_SETTINGS.get(family, {}).items() if key not in tiny.model_fields_set}
    return tiny.model_copy(update=own)


def family_seed(seed: int, family: str, attempt: int = 0) -> int:
    """Return the seed of a family's attempt under the seed of all base models: no two start from the same weights."""
    again = [str(attempt)] if attempt else []
    return int(stream(seed, "base", family, *again).integers(2**31))


def architecture(family: str, tiny: TinyConfig, vocabulary: int, tokens: dict[str, int]) -> PretrainedConfig:
    """Return the config of a tiny model.

    Parameters
    ----------
    family : str
        One of TINY_FAMILIES.
    tiny : TinyConfig
        Sizes.
    vocabulary : int
        Entries of the tokenizer's vocabulary.
    tokens : dict
        pad_token_id, bos_token_id, eos_token_id.
    """
    shared: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": tiny.hidden,
        "intermediate_size": 2 * tiny.hidden,
        "num_hidden_layers": tiny.layers,
        "num_attention_heads": tiny.heads,
        "max_position_embeddings": tiny.context,
        "tie_word_embeddings": True,
        "initializer_range": INITIAL_SD,
        **tokens,
    }
    config: PretrainedConfig = _ARCHITECTURES[family](shared)
    return config


def new_model(config: PretrainedConfig) -> PreTrainedModel:
    """Return a model with random weights in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    return model


def _llama(shared: dict[str, Any]) -> PretrainedConfig:
    from transformers import LlamaConfig

    return LlamaConfig(**shared)


def _qwen3(shared: dict[str, Any]) -> PretrainedConfig:
    from transformers import Qwen3Config

    heads = shared["num_attention_heads"]
    return Qwen3Config(**shared, num_key_value_heads=heads, head_dim=shared["hidden_size"] // heads)


def _mistral(shared: dict[str, Any]) -> PretrainedConfig:
    from transformers import MistralConfig

    # Grouped-query attention is what sets a small Mistral apart from a small Llama.
    groups = shared["num_attention_heads"] // 2 if shared["num_attention_heads"] % 2 == 0 else 1
    return MistralConfig(**shared, num_key_value_heads=groups, sliding_window=None)


def _gemma2(shared: dict[str, Any]) -> PretrainedConfig:
    from transformers import Gemma2Config

    heads = shared["num_attention_heads"]
    width = shared["hidden_size"] // heads
    return Gemma2Config(**shared, num_key_value_heads=heads, head_dim=width, query_pre_attn_scalar=width)


def _phi3(shared: dict[str, Any]) -> PretrainedConfig:
    from transformers import Phi3Config

    return Phi3Config(**shared, original_max_position_embeddings=shared["max_position_embeddings"])


def _gpt_neox(shared: dict[str, Any]) -> PretrainedConfig:
    from transformers import GPTNeoXConfig

    # Its feed-forward layers have no gate: a third more width gives the parameters of the others.
    return GPTNeoXConfig(**shared | {"intermediate_size": 3 * shared["hidden_size"]})


def _olmo2(shared: dict[str, Any]) -> PretrainedConfig:
    from transformers import Olmo2Config

    return Olmo2Config(**shared)


_ARCHITECTURES: dict[str, Callable[[dict[str, Any]], Any]] = dict(
    zip(TINY_FAMILIES, (_llama, _qwen3, _mistral, _gemma2, _phi3, _gpt_neox, _olmo2), strict=True)
)
