"""A coroutine in an event loop of its own, read as a plain iterator: notebooks already run a loop in their thread."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def in_background(work: Callable[[Callable[[T], None]], Awaitable[None]]) -> Iterator[T]:
    """Run ``work(emit)`` in a thread and yield what it emits, as it comes.

    An error of the coroutine is raised here after what it emitted. Closing the iterator early (Ctrl-C, ``break``)
    cancels the coroutine and waits for its end.

    Parameters
    ----------
    work : callable
        Takes ``emit`` and returns an awaitable.
    """
    out: queue.SimpleQueue[_Item[T] | _End] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    task: asyncio.Task[None] = loop.create_task(_run(work, lambda value: out.put(_Item(value))))

    def body() -> None:
        error: BaseException | None = None
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        except BaseException as caught:  # handed over to the reader's thread, which raises it
            error = caught
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
            out.put(_End(error))

    thread = threading.Thread(target=body, name="judge", daemon=True)
    thread.start()
    ended = False
    try:
        while True:
            got = out.get()
            if isinstance(got, _End):
                ended = True
                if got.error is not None:
                    raise got.error
                return
            yield got.value
    finally:
        if not ended:
            with contextlib.suppress(RuntimeError):  # the loop has just closed by itself
                loop.call_soon_threadsafe(task.cancel)
        thread.join()


async def _run(work: Callable[[Callable[[T], None]], Awaitable[None]], emit: Callable[[T], None]) -> None:
    await work(emit)
