"""A judge on a server that speaks the OpenAI API: GPT-4o-mini, vLLM, Ollama and many others.

What leaves the machine: the study's definition of a dimension, the prompt, and the response. Nothing about raters.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from plural_core.errors import nearest
from plural_core.evaluation.judges.background import in_background
from plural_core.evaluation.judges.base import Ask, JudgeError, Verdict
from plural_core.evaluation.judges.endpoint import MAX_TOKENS, Endpoint, Outcome
from plural_core.evaluation.judges.faults import Fault, backoff
from plural_core.evaluation.judges.pricing import (
    MESSAGE_TOKENS,
    CostEstimate,
    Meter,
    Price,
    Usage,
    estimate_cost,
    estimate_tokens,
    money,
)
from plural_core.evaluation.judges.rubric import Rubric
from plural_core.study.evaluation_config import JudgeConfig

if TYPE_CHECKING:
    from openai import AsyncOpenAI

TYPICAL_TOKENS = 60
"""Tokens of an answer, for the estimate."""

Emit = Callable[[tuple[int, Verdict]], None]


class OpenAIJudge:
    """A judge that asks a server, one text per request.

    Parameters
    ----------
    name : str
        Its key in the study's ``judges``.
    config : JudgeConfig
        Of kind ``openai``.
    rubrics : mapping of str to Rubric
        One per dimension that it scores.
    first_wait : float
        Seconds before the second try; doubled for each further one.
    longest_wait : float
        Most seconds between two tries; a server that asks for a longer wait is left alone until the next run.

    Notes
    -----
    A failed request is tried again up to ``attempts`` times where that may help. A wait that one request is told
    (Retry-After) holds for all. After ``give_up_after`` texts in a row without an answer, at a key or model that the
    server does not accept, or at the cost cap, it stops: requests under way are finished, all other texts are
    yielded without a score, and it stays stopped (`stopped` says why).
    """

    def __init__(
        self,
        name: str,
        config: JudgeConfig,
        rubrics: Mapping[str, Rubric],
        *,
        first_wait: float = 1.0,
        longest_wait: float = 120.0,
    ):
        self._name = name
        self._config = config
        self._rubrics = dict(rubrics)
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._endpoint = Endpoint(
            name, config.model or "", config.base_url, config.api_key_env, config.structured, config.timeout
        )
        self._price = Price(config.price_input, config.price_output)
        self._meter = Meter(self._price, config.cost_cap)
        self._draw = random.Random()
        self._failed_in_a_row = 0
        self._not_before = 0.0
        self.stopped = ""

    @property
    def name(self) -> str:
        """Its key in the study's ``judges``."""
        return self._name

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions that it scores."""
        return tuple(self._rubrics)

    @property
    def usage(self) -> Usage:
        """Calls, tokens and dollars so far."""
        return self._meter.usage

    def version(self, dimension: str) -> str:
        """Return a hash of the rubric, the model and the settings of a request; the server's address is not in it."""
        rubric = self._rubric(dimension)
        content = json.dumps([rubric.fingerprint, self._endpoint.body(rubric)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def estimate(self, todo: Mapping[str, Sequence[Ask]]) -> CostEstimate:
        """Return what it would cost to ask these texts, by dimension."""
        return estimate_cost(
            (self._tokens_in(self._rubric(dimension), ask) for dimension, asks in todo.items() for ask in asks),
            TYPICAL_TOKENS,
            self._price,
        )

    def plan(self, todo: Mapping[str, Sequence[Ask]]) -> str:
        """Return the estimate in one line.

        Raises
        ------
        JudgeError
            There is no key, the client is not installed, or the estimate passes ``cost_cap``.
        """
        self._endpoint.check()
        estimate = self.estimate(todo)
        cap = self._config.cost_cap
        if cap is not None and estimate.dollars + self.usage.dollars > cap:
            raise JudgeError(
                f"judge '{self._name}': {estimate} would pass cost_cap ({money(cap)}); raise it, or score fewer texts"
            )
        return f"judge '{self._name}' ({self._config.model}): {estimate}"

    def spent(self) -> str:
        """Return one line: what was asked and paid, and why it stopped; empty where nothing was asked."""
        if not self.usage.calls and not self.stopped:
            return ""
        line = f"judge '{self._name}' ({self._config.model}): {self.usage}"
        if len(self.usage.models) > 1:
            line += f"; more than one model answered: {', '.join(self.usage.models)}"
        return line + (f"; {self.stopped}" if self.stopped else "")

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        """Score texts as answers come; see `Judge`.

        Raises
        ------
        JudgeError
            There is no key, or the client is not installed.
        """
        rubric = self._rubric(dimension)
        self._endpoint.check()

        async def work(emit: Emit) -> None:
            await self._ask_all(rubric, asks, emit)

        if asks:
            yield from in_background(work)

    async def _ask_all(self, rubric: Rubric, asks: Sequence[Ask], emit: Emit) -> None:
        left = iter(enumerate(asks))
        halt = asyncio.Event()
        if self.stopped:
            halt.set()

        async def work(client: AsyncOpenAI) -> None:
            for index, ask in left:
                emit((index, await self._ask(client, halt, rubric, ask)))

        async with self._endpoint.client() as client, asyncio.TaskGroup() as group:
            for _ in range(min(self._config.concurrency, len(asks))):
                group.create_task(work(client))

    async def _ask(self, client: AsyncOpenAI, halt: asyncio.Event, rubric: Rubric, ask: Ask) -> Verdict:
        """Ask about one text until there is a score, or no more use in asking."""
        fault: Fault | None = None
        for attempt in range(self._config.attempts):
            wait = backoff(attempt, self._first_wait, self._longest_wait, self._draw) if attempt else 0.0
            await self._until(wait, halt)
            if halt.is_set():
                break
            tokens_in = self._tokens_in(rubric, ask)
            held = self._meter.hold(tokens_in, MAX_TOKENS)
            if held is None:
                self._stop(f"stopped before cost_cap ({money(self._config.cost_cap or 0.0)}) is passed", halt)
                break
            outcome = Outcome(Fault("it was called off"), billed=True)
            try:
                outcome = await self._endpoint.ask(client, rubric, ask)
            finally:
                self._count(outcome, tokens_in)
                self._meter.release(held)
            if isinstance(outcome.result, Verdict):
                self._failed_in_a_row = 0
                self._meter.count_text(scored=True)
                return outcome.result
            fault = self._heed(outcome.result, halt)
            if fault.then != "retry":
                break
        else:
            if fault is not None and self._config.attempts > 1:
                fault = Fault(f"{fault.reason}, after {self._config.attempts} tries")
        self._meter.count_text(scored=False)
        if fault is None:
            return Verdict.missing(f"not asked: {self.stopped}")
        if self.stopped and fault.then == "retry":
            return Verdict.missing(f"{fault.reason}; {self.stopped}")
        if not fault.judge_is_up:
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= self._config.give_up_after:
                n = self._failed_in_a_row
                self._stop(f"stopped after {n} texts in a row without a score: {fault.reason}", halt)
        return Verdict.missing(fault.reason)

    def _heed(self, fault: Fault, halt: asyncio.Event) -> Fault:
        """Let all requests wait where the server says so, and stop where it says no."""
        if fault.then == "stop":
            self._stop(f"stopped: {fault.reason}", halt)
        elif fault.wait is not None:
            if fault.wait > self._longest_wait:
                return Fault(f"{fault.reason} and asks to wait {fault.wait:.0f} seconds", "leave")
            now = asyncio.get_running_loop().time()
            self._not_before = max(self._not_before, now + fault.wait)
        return fault

    def _stop(self, reason: str, halt: asyncio.Event) -> None:
        self.stopped = self.stopped or reason
        halt.set()

    async def _until(self, wait: float, halt: asyncio.Event) -> None:
        """Wait so many seconds, and until no wait that the server asked for is left, or until all stops."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while (left := max(until, self._not_before) - loop.time()) > 0.0 and not halt.is_set():
            try:
                await asyncio.wait_for(halt.wait(), left)
            except TimeoutError:
                continue

    def _count(self, outcome: Outcome, estimated_in: int) -> None:
        """Count a request, its tokens estimated where the server does not report them."""
        self._meter.count_call()
        if outcome.tokens is not None:
            self._meter.count_tokens(*outcome.tokens, model=outcome.model)
        elif outcome.billed:
            self._meter.count_tokens(estimated_in, 0, estimated=True, model=outcome.model)

    def _tokens_in(self, rubric: Rubric, ask: Ask) -> int:
        return MESSAGE_TOKENS + sum(estimate_tokens(message["content"]) for message in rubric.messages(ask))

    def _rubric(self, dimension: str) -> Rubric:
        if dimension not in self._rubrics:
            raise JudgeError(
                f"judge '{self._name}' has no rubric for '{dimension}'.{nearest(dimension, self._rubrics)}"
            )
        return self._rubrics[dimension]
