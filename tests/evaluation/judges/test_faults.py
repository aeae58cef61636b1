"""Which failures are tried again, and after how long."""

from __future__ import annotations

import email.utils
import random

import pytest

from plural_core.evaluation.judges.faults import backoff, fault_of_reply, fault_of_status, retry_after
from plural_core.evaluation.judges.reply import ReplyError


@pytest.mark.parametrize(
    ("status", "then"),
    [
        *((s, "retry") for s in (408, 409, 425, 429, 500, 502, 503, 504, 529)),
        *((s, "leave") for s in (400, 403, 413, 422)),
        *((s, "stop") for s in (301, 307, 401, 402, 404, 405, 410)),
    ],
)
def test_statuses(status: int, then: str) -> None:
    fault = fault_of_status(status, {}, "so\nit is")
    assert fault.then == then
    assert str(status) in fault.reason and "so it is" in fault.reason and "\n" not in fault.reason


def test_codes() -> None:
    assert fault_of_status(429, {}, "", "insufficient_quota").then == "stop"
    held = fault_of_status(400, {}, "", "content_filter")
    assert (held.then, held.judge_is_up) == ("leave", True)


def test_replies() -> None:
    assert fault_of_reply(ReplyError("x")).then == "retry"
    refused = fault_of_reply(ReplyError("x", final=True))
    assert (refused.then, refused.judge_is_up) == ("leave", True)


def test_retry_after() -> None:
    now = 1_700_000_000.0
    date = email.utils.formatdate(now + 90, usegmt=True)
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after": "0.5"}) == 0.5
    assert retry_after({"retry-after-ms": "250", "retry-after": "7"}) == 0.25
    assert retry_after({"retry-after": date}, now) == 90.0
    assert retry_after({"retry-after": email.utils.formatdate(now - 90, usegmt=True)}, now) == 0.0
    for nonsense in ("", "-1", "soon", "inf", "nan", "Tue, 99 Foo 2025 00:00:00 GMT"):
        assert retry_after({"retry-after": nonsense}) is None
    assert retry_after({}) is None


def test_backoff_doubles_up_to_the_longest() -> None:
    draw = random.Random(1)
    for attempt in range(1, 12):
        full = min(60.0, 1.0 * 2 ** (attempt - 1))
        waits = [backoff(attempt, 1.0, 60.0, draw) for _ in range(50)]
        assert all(full / 2 <= wait <= full for wait in waits)
        assert len(set(waits)) > 40
