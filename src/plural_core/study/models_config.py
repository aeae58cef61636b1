"""The ``models`` section of a study config: which base models are tuned."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from plural_core.errors import listing, nearest
from plural_core.study.base import Section

TINY_FAMILIES = ("llama", "qwen3", "mistral", "gemma2", "phi3", "gpt_neox", "olmo2")
"""Architectures that the project trains from scratch, by transformers' own names."""
FAMILY_LABELS = dict(
    zip(TINY_FAMILIES, ("Llama", "Qwen3", "Mistral", "Gemma 2", "Phi-3", "GPT-NeoX", "OLMo 2"), strict=True)
)
"""Names of the architectures for readers."""


class TinyConfig(Section):
    """Tiny base models, trained from scratch on texts of the study."""

    hidden: int = Field(default=128, ge=16, multiple_of=8)
    """Width of the hidden states."""
    layers: int = Field(default=2, ge=1)
    """Number of transformer blocks; two are enough to look up what the prompt asks for."""
    heads: int = Field(default=4, ge=1)
    """Attention heads; the hidden width must be a multiple."""
    vocabulary: int = Field(default=2000, ge=300)
    """Entries of the byte-pair vocabulary, one for the whole study; most words of a study are one entry."""
    context: int = Field(default=256, ge=64)
    """Longest sequence in tokens, prompt and response together."""
    texts: int = Field(default=3000, ge=50)
    """Texts sampled for training a base model, over all languages; with more of them, answers differ less by prompt."""
    batch: int = Field(default=16, ge=1)
    """Texts per update; small, since a short training gains more by many updates than by large ones."""
    steps: int = Field(default=720, ge=1)
    """Updates."""
    learning_rate: float = Field(default=5e-3, gt=0.0)
    """Peak learning rate of AdamW."""
    seed: int | None = Field(default=None, ge=0)
    """Seed of the base models (default: the study's); each family has a seed of its own under it."""
    attempts: int = Field(default=3, ge=1)
    """Trainings, each with its own seed, before a model that misses a bar stops the study: processors differ in their
    last digits, so one that passes on one of them may just fall short on another."""


class HubModelConfig(Section):
    """A base model that exists already: a model id of a hub, or a local folder with safetensors."""

    model: str
    """Model id or folder; loaded with trust_remote_code=False and safetensors only."""
    revision: str | None = None
    """Commit or tag of the model id, so that a run can be repeated."""
    label: str | None = None
    """Name shown to readers (default: the key)."""
    parameters: float | None = Field(default=None, gt=0.0)
    """Number of parameters in billions, for the moderator of the pooled effects (default: counted when loaded)."""
    reasoning: bool = False
    """Whether it writes a reasoning trace before its answer; the trace is stripped before judging."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the weights (auto: bfloat16 on a GPU that has it, else float32)."""
    gradient_checkpointing: bool | None = None
    """Trade time for memory (default: on a GPU only)."""


class ModelsConfig(Section):
    """Base models; without families the study ends after the audit of its preference sets."""

    families: list[str] = Field(default_factory=list)
    """Names under `hub`, or tiny architectures: llama, qwen3, mistral, gemma2, phi3, gpt_neox, olmo2."""
    tiny: TinyConfig = TinyConfig()
    hub: dict[str, HubModelConfig] = Field(default_factory=dict)
    """Models that exist already, by a short name of your own."""
    check_answers: bool | None = None
    """Hold tiny models to the bars for phrase-bank answers (default: in simulated studies)."""

    def label(self, family: str) -> str:
        """Return a family's name for readers; what is no family stays as it is."""
        own = self.hub.get(family)
        return (own.label or family) if own is not None else FAMILY_LABELS.get(family, family)

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = [*self.hub, *TINY_FAMILIES]
        for name in self.families:
            if name not in known:
                raise ValueError(f"families: unknown family '{name}'.{nearest(name, known)} Known: {listing(known)}")
        if len(set(self.families)) != len(self.families):
            raise ValueError("families: a family is named twice")
        if self.tiny.hidden % self.tiny.heads:
            raise ValueError(f"tiny: hidden ({self.tiny.hidden}) is not a multiple of heads ({self.tiny.heads})")
        return self
