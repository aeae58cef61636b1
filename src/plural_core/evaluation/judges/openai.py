"""A judge on a server that speaks the OpenAI API: GPT-4o-mini, vLLM, Ollama and many others.

What leaves the machine: the study's definition of a dimension, the prompt, and the response. Nothing about raters.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from plural_core.errors import nearest
from plural_core.evaluation.judges.background import in_background
from plural_core.evaluation.judges.base import Ask, JudgeError, Verdict
from plural_core.evaluation.judges.faults import Fault, backoff, fault_of_reply, fault_of_status
from plural_core.evaluation.judges.pricing import (
    MESSAGE_TOKENS,
    CostEstimate,
    Meter,
    Price,
    Usage,
    estimate_cost,
    estimate_tokens,
    money,
    reported_tokens,
)
from plural_core.evaluation.judges.reply import ReplyError, decode, one_line, read_reply
from plural_core.evaluation.judges.rubric import Rubric
from plural_core.study.evaluation_config import JudgeConfig

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_TOKENS = 1000
"""Longest answer that is asked for: one sentence and a number, with room for a model that thinks aloud."""
TYPICAL_TOKENS = 60
"""Tokens of an answer, for the estimate."""
SEED = 1
"""Seed that is sent; together with temperature 0 it makes a server as repeatable as it can be."""
LONGEST_BODY = 1_000_000
"""Bytes of a response that are read."""

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
        body = {key: value for key, value in self._body(self._rubric(dimension)).items() if key != "messages"}
        content = json.dumps([self._rubric(dimension).fingerprint, body], sort_keys=True)
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
        self._key()
        _client_library(self._name)
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
        key = self._key()
        _client_library(self._name)

        async def work(emit: Emit) -> None:
            await self._ask_all(key, rubric, asks, emit)

        if asks:
            yield from in_background(work)

    async def _ask_all(self, key: str, rubric: Rubric, asks: Sequence[Ask], emit: Emit) -> None:
        left = iter(enumerate(asks))
        halt = asyncio.Event()
        if self.stopped:
            halt.set()

        async def work(client: AsyncOpenAI) -> None:
            for index, ask in left:
                emit((index, await self._ask(client, key, halt, rubric, ask)))

        async with _client(key, self._config) as client, asyncio.TaskGroup() as group:
            for _ in range(min(self._config.concurrency, len(asks))):
                group.create_task(work(client))

    async def _ask(self, client: AsyncOpenAI, key: str, halt: asyncio.Event, rubric: Rubric, ask: Ask) -> Verdict:
        """Ask about one text until there is a score, or no more use in asking."""
        fault = Fault("it was not asked")
        for attempt in range(self._config.attempts):
            wait = backoff(attempt, self._first_wait, self._longest_wait, self._draw) if attempt else 0.0
            await self._until(wait, halt)
            if halt.is_set():
                break
            held = self._meter.hold(self._tokens_in(rubric, ask), MAX_TOKENS)
            if held is None:
                self._stop(f"stopped before cost_cap ({money(self._config.cost_cap or 0.0)}) is passed", halt)
                break
            try:
                outcome = await self._request(client, key, rubric, ask)
            finally:
                self._meter.release(held)
            if isinstance(outcome, Verdict):
                self._failed_in_a_row = 0
                self._meter.count_text(scored=True)
                return outcome
            fault = self._heed(outcome, halt)
            if fault.then != "retry":
                break
        else:
            if self._config.attempts > 1:
                fault = Fault(f"{fault.reason}, after {self._config.attempts} tries")
        self._meter.count_text(scored=False)
        if self.stopped and fault.then == "retry":
            return Verdict.missing(f"not asked: {self.stopped}" if not attempt else f"{fault.reason}; {self.stopped}")
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

    async def _request(self, client: AsyncOpenAI, key: str, rubric: Rubric, ask: Ask) -> Verdict | Fault:
        import openai

        self._meter.count_call()
        billed = True  # what a broken answer has cost is not known, so it is estimated
        try:
            async with asyncio.timeout(self._config.timeout):
                raw = await _post(client, self._body(rubric) | {"messages": rubric.messages(ask)})
            body = decode(raw)
            billed = not self._count(body)
            return read_reply(body, rubric, exact=self._config.structured != "none")
        except ReplyError as error:
            return fault_of_reply(error)
        except (TimeoutError, openai.APITimeoutError):
            return Fault(f"no answer in {self._config.timeout:g} seconds")
        except openai.APIStatusError as error:
            billed = False
            return fault_of_status(
                error.status_code, error.response.headers, _without(key, _said(error)), str(error.code or "")
            )
        except openai.APIConnectionError as error:
            billed = False
            return Fault(f"no connection ({one_line(error.__cause__ or error, 100)})")
        except _BrokenBody as error:
            return Fault(f"the connection broke ({one_line(error, 100)})")
        finally:
            if billed:
                self._meter.count_tokens(self._tokens_in(rubric, ask), 0, estimated=True)

    def _count(self, body: Mapping[str, Any]) -> bool:
        """Count the tokens that a response reports; False where it reports none."""
        tokens = reported_tokens(body)
        if tokens is None:
            return False
        model = body.get("model")
        self._meter.count_tokens(*tokens, model=one_line(model, 80) if isinstance(model, str) else "")
        return True

    def _body(self, rubric: Rubric) -> dict[str, Any]:
        """Return a request without its messages."""
        body: dict[str, Any] = {
            "model": self._config.model,
            "temperature": 0,
            "seed": SEED,
            "max_tokens": MAX_TOKENS,
        }
        if self._config.structured == "json_schema":
            form = {"name": "rating", "strict": True, "schema": rubric.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        elif self._config.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def _tokens_in(self, rubric: Rubric, ask: Ask) -> int:
        return MESSAGE_TOKENS + sum(estimate_tokens(message["content"]) for message in rubric.messages(ask))

    def _rubric(self, dimension: str) -> Rubric:
        if dimension not in self._rubrics:
            raise JudgeError(
                f"judge '{self._name}' has no rubric for '{dimension}'.{nearest(dimension, self._rubrics)}"
            )
        return self._rubrics[dimension]

    def _key(self) -> str:
        key = os.environ.get(self._config.api_key_env, "").strip()
        if key:
            return key
        if _address(self._config):
            return "none"  # a local server takes any key
        raise JudgeError(
            f"judge '{self._name}': the environment variable {self._config.api_key_env} holds no API key; "
            "set it, or give base_url for a server of your own"
        )


class _BrokenBody(Exception):
    """A response that began and did not arrive whole."""


async def _post(client: AsyncOpenAI, body: dict[str, Any]) -> bytes:
    """Return the raw body of a chat completion: what a server sends is decoded here, not by the client's models."""
    import openai

    raw = bytearray()
    try:
        async with client.chat.completions.with_streaming_response.create(**body) as response:
            async for chunk in response.iter_bytes():
                raw += chunk
                if len(raw) > LONGEST_BODY:
                    raise ReplyError(f"the server's answer is longer than {LONGEST_BODY:,} bytes")
    except (openai.OpenAIError, ReplyError, TimeoutError):
        raise
    except Exception as error:  # the transport's own errors, which the client does not wrap while a body is read
        raise _BrokenBody(f"{type(error).__name__}: {error}") from error
    return bytes(raw)


def _client(key: str, config: JudgeConfig) -> AsyncOpenAI:
    import openai

    return openai.AsyncOpenAI(
        api_key=key,
        base_url=_address(config) or None,
        timeout=config.timeout,
        max_retries=0,  # this judge's own tries count and honour Retry-After for all requests together
        http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),  # texts go to the named server only
    )


def _client_library(name: str) -> None:
    try:
        import openai  # noqa: F401
    except ImportError:
        raise JudgeError(
            f"judge '{name}': the package openai is not installed (python -m pip install openai)"
        ) from None


def _address(config: JudgeConfig) -> str:
    return config.base_url or os.environ.get("OPENAI_BASE_URL", "").strip()


def _said(error: Any) -> str:
    """Return the message in an error's body, or the beginning of the body."""
    body = error.body
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        body = inner.get("message", inner) if isinstance(inner, Mapping) else inner
    return str(body or "")


def _without(key: str, text: str) -> str:
    return text.replace(key, "[key]") if len(key) > 4 else text
