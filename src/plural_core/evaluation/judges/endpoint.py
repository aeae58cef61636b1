"""One request to a server that speaks the OpenAI API, through the official client, and what came of it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from plural_core.evaluation.judges.base import Ask, JudgeError, Verdict
from plural_core.evaluation.judges.faults import Fault, fault_of_reply, fault_of_status
from plural_core.evaluation.judges.pricing import reported_tokens
from plural_core.evaluation.judges.reply import ReplyError, decode, one_line, read_reply
from plural_core.evaluation.judges.rubric import Rubric

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_TOKENS = 1000
"""Longest answer that is asked for: one sentence and a number, with room for a model that thinks aloud."""
SEED = 1
"""Seed that is sent; together with temperature 0 it makes a server as repeatable as it can be."""
LONGEST_BODY = 1_000_000
"""Bytes of a response that are read."""
_KEY = re.compile(r"[!-~]+")
_ADDRESS = re.compile(r"https?://[^/\s]+.*", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """What came of one request.

    Parameters
    ----------
    result : Verdict or Fault
        A score, or what went wrong.
    tokens : tuple of int or None
        (input, output) tokens that the server reports; None where it reports none.
    billed : bool
        Whether it was, or may have been, paid for.
    model : str
        Name of the model that the server says answered.
    """

    result: Verdict | Fault
    tokens: tuple[int, int] | None = None
    billed: bool = False
    model: str = ""


@dataclass(frozen=True)
class Endpoint:
    """Where and how a judge is asked.

    Parameters
    ----------
    judge : str
        Name of the judge, for messages.
    model : str
        Name of the model on the server.
    base_url : str or None
        Address of the server (default: the environment's OPENAI_BASE_URL, else OpenAI's own).
    api_key_env : str
        Environment variable that holds the key; no other is read.
    structured : {'json_schema', 'json_object', 'none'}
        How the answer's form is asked for.
    timeout : float
        Seconds for a whole request, from sending to the last byte.
    """

    judge: str
    model: str
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    timeout: float = 60.0

    def body(self, rubric: Rubric) -> dict[str, Any]:
        """Return a request without its messages: all that a score depends on besides the rubric."""
        body: dict[str, Any] = {"model": self.model, "temperature": 0, "seed": SEED, "max_tokens": MAX_TOKENS}
        if self.structured == "json_schema":
            form = {"name": "rating", "strict": True, "schema": rubric.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        elif self.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def check(self) -> None:
        """Check that it can be asked at all.

        Raises
        ------
        JudgeError
            The client is not installed, the address is none, or there is no key.
        """
        try:
            import openai  # noqa: F401
        except ImportError:
            raise JudgeError(
                f"judge '{self.judge}': the package openai is not installed (python -m pip install openai)"
            ) from None
        address = self._address()
        if address and not _ADDRESS.fullmatch(address):
            raise JudgeError(
                f"judge '{self.judge}': base_url '{address}' is no address; write it as http://localhost:8000/v1"
            )
        self._key()

    def client(self) -> AsyncOpenAI:
        """Return a client; an asynchronous context manager."""
        import openai

        return openai.AsyncOpenAI(
            api_key=self._key(),
            base_url=self._address() or None,
            timeout=self.timeout,
            max_retries=0,  # the judge's own tries count, and honour Retry-After for all requests together
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),  # texts go to the named server only
        )

    async def ask(self, client: AsyncOpenAI, rubric: Rubric, ask: Ask) -> Outcome:
        """Ask about one text, once; never raises for what a server does."""
        import openai

        tokens, model = None, ""
        try:
            async with asyncio.timeout(self.timeout):
                raw = await _post(client, self.body(rubric) | {"messages": rubric.messages(ask)})
            body = decode(raw)
            tokens, model = reported_tokens(body), one_line(body.get("model") or "", 80)
            result: Verdict | Fault = read_reply(body, rubric, exact=self.structured != "none")
        except ReplyError as error:
            result = fault_of_reply(error)
        except (TimeoutError, openai.APITimeoutError):
            result = Fault(f"no answer in {self.timeout:g} seconds")
        except _BrokenBody as error:
            result = Fault(f"the connection broke ({one_line(error, 100)})")
        except openai.APIStatusError as error:
            said = self._without_key(_said(error))
            return Outcome(fault_of_status(error.status_code, error.response.headers, said, str(error.code or "")))
        except openai.APIConnectionError as error:
            return Outcome(Fault(f"no connection ({one_line(error.__cause__ or error, 100)})"))
        return Outcome(result, tokens, billed=True, model=model)

    def _address(self) -> str:
        return (self.base_url or os.environ.get("OPENAI_BASE_URL", "")).strip()

    def _key(self) -> str:
        key = os.environ.get(self.api_key_env, "").strip()
        if key and not _KEY.fullmatch(key):
            raise JudgeError(
                f"judge '{self.judge}': what stands in the environment variable {self.api_key_env} is no API key"
            )
        if not key and not self._address():
            raise JudgeError(
                f"judge '{self.judge}': the environment variable {self.api_key_env} holds no API key; "
                "set it, or give base_url for a server of your own"
            )
        return key or "none"  # a local server takes any key

    def _without_key(self, text: str) -> str:
        key = self._key()
        return text if key == "none" else text.replace(key, "[key]")


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


def _said(error: Any) -> str:
    """Return the message in an error's body, or the beginning of the body."""
    body = error.body
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        body = inner.get("message", inner) if isinstance(inner, Mapping) else inner
    return str(body or "")
