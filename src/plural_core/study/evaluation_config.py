"""The ``evaluation`` and ``judges`` sections of a study config: how tuned models answer, and who scores the answers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from plural_core.study.base import Section

JudgeKind = Literal["lexicon", "ratings_model", "openai", "classifier"]


class EvaluationConfig(Section):
    """Answers to test prompts."""

    dimensions: list[str] = Field(default_factory=list)
    """Dimensions that are scored (default: all that some condition is tuned on)."""
    test_prompts: int | None = Field(default=None, ge=2)
    """Test prompts per language, the first in the order of their ids (default: all)."""
    max_new_tokens: int = Field(default=96, ge=1)
    """Longest answer in tokens."""
    batch: int = Field(default=128, ge=1)
    """Prompts per batch of generation (halved when memory runs out)."""


class JudgeConfig(Section):
    """One judge; which keys count depends on its kind."""

    kind: JudgeKind
    """`lexicon` knows a simulated world, `ratings_model` is fitted to people's ratings, `openai` asks a server."""
    dimensions: list[str] = Field(default_factory=list)
    """Dimensions that it scores (default: all that are evaluated)."""
    model: str | None = None
    """openai: name of the model, as gpt-4o-mini; classifier: model id or folder."""
    base_url: str | None = None
    """openai: address of the server, as http://localhost:8000/v1 (default: the client's own, OPENAI_BASE_URL)."""
    api_key_env: str = "OPENAI_API_KEY"
    """openai: environment variable that holds the key; never put a key into a config."""
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    """openai: how the answer's form is asked for; older servers know json_object only."""
    concurrency: int = Field(default=8, ge=1)
    """openai: requests under way at once."""
    attempts: int = Field(default=6, ge=1)
    """openai: tries per text, with waits that double and honour Retry-After."""
    timeout: float = Field(default=60.0, gt=0.0)
    """openai: seconds per request."""
    give_up_after: int = Field(default=20, ge=1)
    """openai: stop asking after so many texts in a row have failed; the rest is left for the next run."""
    price_input: float | None = Field(default=None, ge=0.0)
    """openai: dollars per million input tokens, for the estimate."""
    price_output: float | None = Field(default=None, ge=0.0)
    """openai: dollars per million output tokens."""
    cost_cap: float | None = Field(default=None, gt=0.0)
    """openai: do not start, or stop, where the cost passes so many dollars."""
    labels: dict[str, str] = Field(default_factory=dict)
    """classifier: for each dimension, the label whose probability is the score; `not:LABEL` for 1 minus it."""
    batch: int = Field(default=32, ge=1)
    """classifier: texts per batch."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind in ("openai", "classifier") and not self.model:
            raise ValueError(f"model: a judge of kind {self.kind} needs one")
        if self.kind == "classifier" and not self.labels:
            raise ValueError("labels: name the classifier's label for each dimension, as {toxicity: toxic}")
        if self.cost_cap is not None and (self.price_input is None or self.price_output is None):
            raise ValueError("cost_cap: give price_input and price_output too, or the cost is not known")
        return self
