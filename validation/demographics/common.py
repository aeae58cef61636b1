"""What the long runs of this folder share: one line per finished piece of work, intervals of shares."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scipy import stats

Record = dict[str, Any]
Key = tuple[Any, ...]


def resume(log: Path, names: tuple[str, ...], todo: Iterable[Key], work: Callable[[Key], Record]) -> list[Record]:
    """Do what is not in the log yet, one JSON line each, and return the records of all of `todo` in its order.

    Parameters
    ----------
    log : Path
        JSON lines; a line cut off when the last run was stopped is done again.
    names : tuple of str
        The fields of a record that say which piece it is.
    todo : iterable of tuple
        Their values, one tuple per piece.
    work : callable
        Makes the record of a piece.
    """
    done: dict[Key, Record] = {}
    if log.exists():
        text = log.read_text(encoding="utf-8")
        for line in text.splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            done[tuple(record[name] for name in names)] = record
        if not text.endswith("\n"):
            log.write_text("".join(_line(r) for r in done.values()), encoding="utf-8")
    keys = list(todo)
    with log.open("a", encoding="utf-8") as file:
        for number, key in enumerate(keys, start=1):
            if key not in done:
                done[key] = work(key)
                file.write(_line(done[key]))
                file.flush()
                print(f"{number} of {len(keys)}: {key}", flush=True)
    return [done[key] for key in keys]


def _line(record: Record) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    interval = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def share(hits: int, n: int) -> str:
    """A share with its 95 % Wilson interval, as text."""
    low, high = wilson(hits, n)
    return f"{hits / n:.2f} ({low:.2f}–{high:.2f})"
