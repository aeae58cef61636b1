"""A coroutine in a thread of its own, read as an iterator."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from plural_core.evaluation.judges.background import in_background


def test_items_come_in_order_and_the_thread_ends() -> None:
    async def work(emit: Callable[[int], None]) -> None:
        for i in range(100):
            emit(i)
            await asyncio.sleep(0)

    before = threading.active_count()
    assert list(in_background(work)) == list(range(100))
    assert threading.active_count() == before


def test_an_error_is_raised_after_what_came_before_it() -> None:
    async def work(emit: Callable[[int], None]) -> None:
        emit(1)
        raise ValueError("broken")

    got = []
    with pytest.raises(ValueError, match="broken"):
        for item in in_background(work):
            got.append(item)
    assert got == [1]


def test_closing_cancels_and_waits() -> None:
    ended = []

    async def work(emit: Callable[[int], None]) -> None:
        try:
            emit(1)
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    items = in_background(work)
    assert next(items) == 1
    items.close()  # type: ignore[attr-defined]
    assert ended == [True]


def test_it_works_where_a_loop_runs_already() -> None:
    async def work(emit: Callable[[int], None]) -> None:
        emit(1)

    async def notebook() -> list[int]:
        return list(in_background(work))

    assert asyncio.run(notebook()) == [1]
