"""What can go wrong with one request, and what to do about it: ask again, leave this text, or stop asking."""

from __future__ import annotations

import email.utils
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plural_core.evaluation.judges.reply import ReplyError, one_line

RETRIED = frozenset({408, 409, 425, 429})
"""Statuses below 500 that another try may mend."""
_OF_THE_TEXT = frozenset({400, 403, 413, 422})
_HELP = {
    401: "the key is not accepted; check the environment variable that api_key_env names",
    402: "the account has no credit left",
    404: "there is no such model or address; check model and base_url",
    405: "that address takes no chat completions; check base_url",
}


@dataclass(frozen=True)
class Fault:
    """One request that gave no score.

    Parameters
    ----------
    reason : str
        What happened, in one line.
    then : {'retry', 'leave', 'stop'}
        Ask again; leave this text without a score; or stop asking altogether.
    wait : float or None
        Seconds that the server asks to wait (Retry-After).
    judge_is_up : bool
        The judge works and would not score this one text (a refusal): not a sign that it is down.
    """

    reason: str
    then: Literal["retry", "leave", "stop"] = "retry"
    wait: float | None = None
    judge_is_up: bool = False


def fault_of_reply(error: ReplyError) -> Fault:
    """Return the fault of an answer that is no score."""
    return Fault(str(error), "leave" if error.final else "retry", judge_is_up=error.final)


def fault_of_status(status: int, headers: Mapping[str, str], message: str, code: str = "") -> Fault:
    """Return the fault of an HTTP status that is no success.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping
        Of the response; names in small letters are understood.
    message, code : str
        What the server says, and its error code (``insufficient_quota``, ``content_filter``).
    """
    said = one_line(message, 160)
    reason = f"the server answers {status}" + (f" ({said})" if said else "")
    if 300 <= status < 400:
        return Fault(f"{reason}: it redirects; give the final address as base_url", "stop")
    if code == "insufficient_quota":
        return Fault(f"{reason}: the account has no credit left", "stop")
    if status in RETRIED or status >= 500:
        return Fault(reason, "retry", wait=retry_after(headers))
    if code == "content_filter":
        return Fault(reason, "leave", judge_is_up=True)
    if code in ("unsupported_value", "unsupported_parameter"):
        return Fault(f"{reason}: the model takes no temperature 0, seed, max_tokens or form; choose another", "stop")
    if status in _OF_THE_TEXT:
        return Fault(reason, "leave")
    return Fault(f"{reason}: {_HELP[status]}" if status in _HELP else reason, "stop")


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds that a server asks to wait (retry-after-ms, or Retry-After as seconds or date), or None."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0.0:
            return seconds
    try:
        when = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, when.timestamp() - (time.time() if now is None else now))


def backoff(attempt: int, base: float, longest: float, draw: random.Random) -> float:
    """Return the seconds before try number `attempt` (from 1): ``base * 2**(attempt - 1)``, at most `longest`.

    A random half of it is taken off, so that many who failed together do not come back together.
    """
    return float(min(longest, base * 2.0 ** (attempt - 1)) * draw.uniform(0.5, 1.0))
