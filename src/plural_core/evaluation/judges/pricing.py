"""What asking a server costs: estimated before it starts, counted while it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

BYTES_PER_TOKEN = 3.0
"""UTF-8 bytes per token, for estimates on the high side: English has about 4, German about 3.5."""
MESSAGE_TOKENS = 8
"""Tokens that a chat format adds to a conversation of two messages."""
MOST_TOKENS = 10**9
"""A server that reports more than this for one request is not believed."""


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has: its UTF-8 bytes over `BYTES_PER_TOKEN`, rounded up.

    No tokenizer is loaded, since the server's is not known; the number is meant to be a little too high.
    """
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens; None where they are not known.

    Parameters
    ----------
    per_input, per_output : float or None
        Dollars per million input and output tokens.
    """

    per_input: float | None = None
    per_output: float | None = None

    @property
    def known(self) -> bool:
        """Whether both prices are known."""
        return self.per_input is not None and self.per_output is not None

    def dollars(self, tokens_in: float, tokens_out: float) -> float:
        """Return the dollars for so many tokens; NaN where a price is not known."""
        if self.per_input is None or self.per_output is None:
            return math.nan
        return (tokens_in * self.per_input + tokens_out * self.per_output) / 1e6


@dataclass(frozen=True)
class CostEstimate:
    """What a plan comes to.

    Parameters
    ----------
    questions : int
        Requests, if each is answered at the first try.
    tokens_in, tokens_out : int
        Estimated tokens, a little too high.
    dollars : float
        NaN where a price is not known.
    """

    questions: int
    tokens_in: int
    tokens_out: int
    dollars: float

    def __str__(self) -> str:
        tokens = f"{self.questions:,} questions, about {self.tokens_in:,} tokens in and {self.tokens_out:,} out"
        return tokens + ("" if math.isnan(self.dollars) else f", about {money(self.dollars)}")


def estimate_cost(inputs: Iterable[int], output: int, price: Price) -> CostEstimate:
    """Return what requests of these input tokens come to, each answered in `output` tokens."""
    tokens = list(inputs)
    tokens_in, tokens_out = sum(tokens), output * len(tokens)
    return CostEstimate(len(tokens), tokens_in, tokens_out, price.dollars(tokens_in, tokens_out))


@dataclass(frozen=True)
class Usage:
    """What was really asked and paid.

    Parameters
    ----------
    calls : int
        Requests sent, those that were tried again included.
    scored, failed : int
        Texts with and without a score in the end.
    tokens_in, tokens_out : int
        As the server reports them, or estimated where it does not (`estimated` requests).
    estimated : int
        Requests whose tokens are estimated.
    dollars : float
        NaN where a price is not known.
    models : tuple of str
        Names of the models that the server says answered, sorted.
    """

    calls: int = 0
    scored: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: int = 0
    dollars: float = 0.0
    models: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.calls:,} calls", f"{self.tokens_in:,} tokens in and {self.tokens_out:,} out"]
        if self.estimated:
            parts[-1] += f" (estimated for {self.estimated:,} calls)"
        if not math.isnan(self.dollars):
            parts.append(money(self.dollars))
        if self.failed:
            parts.append(f"{self.failed:,} texts without a score")
        return ", ".join(parts)


@dataclass
class Meter:
    """Counts what is spent, and says when the cap would be passed. For one thread.

    Parameters
    ----------
    price : Price
        Of tokens.
    cap : float or None
        Dollars that may be spent; needs known prices.
    """

    price: Price
    cap: float | None = None
    usage: Usage = Usage()
    _held: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        if not self.price.known:
            self.usage = replace(self.usage, dollars=math.nan)

    def hold(self, tokens_in: int, tokens_out: int) -> float | None:
        """Set aside the most that a request may cost; returns it, or None where the cap would be passed."""
        if self.cap is None:
            return 0.0
        most = self.price.dollars(tokens_in, tokens_out)
        if self.usage.dollars + self._held + most > self.cap:
            return None
        self._held += most
        return most

    def release(self, held: float) -> None:
        """Give back what was set aside for a request that has ended."""
        self._held = max(0.0, self._held - held)

    def count_call(self) -> None:
        """Count a request that was sent."""
        self.usage = replace(self.usage, calls=self.usage.calls + 1)

    def count_tokens(self, tokens_in: int, tokens_out: int, *, estimated: bool = False, model: str = "") -> None:
        """Count the tokens of a request that was, or may have been, answered and billed."""
        used = self.usage
        tokens_in, tokens_out = used.tokens_in + tokens_in, used.tokens_out + tokens_out
        self.usage = replace(
            used,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            estimated=used.estimated + estimated,
            dollars=self.price.dollars(tokens_in, tokens_out),
            models=tuple(sorted({*used.models, model} - {""})),
        )

    def count_text(self, scored: bool) -> None:
        """Count a text that is done with."""
        used = self.usage
        self.usage = replace(used, scored=used.scored + scored, failed=used.failed + (not scored))


def reported_tokens(body: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return (input, output) tokens that a chat completion reports, or None where it reports none to believe."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return None
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    if not all(type(n) is int and 0 <= n <= MOST_TOKENS for n in counts):
        return None
    return int(counts[0] or 0), int(counts[1] or 0)


def money(dollars: float) -> str:
    """Return dollars for a message, small amounts with the digits that they need."""
    return f"${dollars:,.2f}" if dollars >= 1.0 or dollars == 0.0 else f"${dollars:.2g}"
