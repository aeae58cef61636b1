"""Every score that a judge gave, kept on disk: a run that is repeated, or was killed, pays for nothing twice.

One folder per judge, and in it one file per process that had something to add, written line by line as scores come.
No file ever has two writers, so writers cannot disturb each other, also on a network disk; a process that is killed
leaves at most one broken line at the end of its own file, which is skipped. Texts are not kept, only their hash.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from plural_core.errors import WorkflowError
from plural_core.evaluation.judges.base import Ask, Verdict

CACHE_FOLDER = "judge_cache"
"""Under a study's results."""
_KEY = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def cache_key(judge: str, version: str, dimension: str, ask: Ask) -> str:
    """Return the SHA-256 that stands for (judge, rubric version, dimension, prompt, response, language)."""
    content = json.dumps([judge, version, dimension, *ask])  # ASCII: also halves of characters have a hash
    return hashlib.sha256(content.encode()).hexdigest()


class JudgeCache:
    """The scores of one study's judges on disk.

    Parameters
    ----------
    folder : Path
        Made when something is first kept. A context manager: leaving it closes the files.

    Notes
    -----
    Only scores are kept, never failures. A judge's files are read when it is first asked for. `notes` says what was
    damaged and skipped.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.notes: list[str] = []
        self._known: dict[str, dict[str, Verdict]] = {}
        self._files: dict[str, _Appender] = {}

    @classmethod
    def of(cls, root: Path) -> JudgeCache:
        """Return the cache of a study whose results stand in `root`."""
        return cls(root / CACHE_FOLDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, judge: str, version: str, dimension: str, ask: Ask) -> Verdict | None:
        """Return the score that is kept for a text, or None."""
        return self._of(judge).get(cache_key(judge, version, dimension, ask))

    def put(self, judge: str, version: str, dimension: str, ask: Ask, verdict: Verdict) -> None:
        """Keep a score; a missing one is not kept.

        Raises
        ------
        WorkflowError
            The file cannot be written.
        ValueError
            The score is not in [0, 1].
        """
        if not verdict.scored:
            return
        if not 0.0 <= verdict.score <= 1.0:
            raise ValueError(f"judge '{judge}': a score of {verdict.score} is not in [0, 1]")
        key = cache_key(judge, version, dimension, ask)
        known = self._of(judge)
        if key in known:
            return
        if judge not in self._files:
            self._files[judge] = _Appender(self._folder_of(judge))
        self._files[judge].append(_line(key, verdict))
        known[key] = verdict

    def count(self, judge: str) -> int:
        """Return how many scores of a judge are kept, over all versions and dimensions."""
        return len(self._of(judge))

    def close(self) -> None:
        """Flush to disk and close what was opened for writing."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _folder_of(self, judge: str) -> Path:
        # Names of judges are checked by the config; a name from elsewhere must not leave the folder either.
        return self.folder / _UNSAFE.sub("_", judge)

    def _of(self, judge: str) -> dict[str, Verdict]:
        if judge not in self._known:
            self._known[judge] = dict(self._read(judge))
        return self._known[judge]

    def _read(self, judge: str) -> Iterator[tuple[str, Verdict]]:
        for path in sorted(self._folder_of(judge).glob("*.jsonl")):
            try:
                lines = path.read_bytes().split(b"\n")
            except OSError as error:
                self.notes.append(f"{path}: cannot be read ({error.strerror}); its scores are asked for again")
                continue
            damaged = 0
            for line in filter(None, lines):
                entry = _entry(line)
                if entry is None:
                    damaged += 1
                else:
                    yield entry
            if damaged:
                plural = "lines are" if damaged > 1 else "line is"
                self.notes.append(f"{path}: {damaged} damaged {plural} skipped; their texts are scored again")


class _Appender:
    """One file that this process alone appends to, one whole line per write."""

    def __init__(self, folder: Path):
        self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}.jsonl"
        self._torn = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        except OSError as error:
            raise WorkflowError(self._failure(error)) from error

    def append(self, line: bytes) -> None:
        whole = (b"\n" if self._torn else b"") + line + b"\n"
        try:
            written = os.write(self._handle, whole)
            while written < len(whole):
                self._torn = True
                written += os.write(self._handle, whole[written:])
        except OSError as error:
            raise WorkflowError(self._failure(error)) from error
        self._torn = False

    def close(self) -> None:
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise WorkflowError(self._failure(error)) from error
        finally:
            os.close(self._handle)

    def _failure(self, error: OSError) -> str:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        why = "the disk is full" if full else error.strerror or str(error)
        return f"{self._path}: scores cannot be kept ({why}); those kept before stay. Mend it and run again"


def _line(key: str, verdict: Verdict) -> bytes:
    content = json.dumps([key, verdict.score, verdict.reason])
    return f"{zlib.crc32(content.encode()):08x} {content}".encode()


def _entry(line: bytes) -> tuple[str, Verdict] | None:
    """Return a line's key and score, or None where it is damaged."""
    checksum, _, content = line.partition(b" ")
    if checksum != f"{zlib.crc32(content):08x}".encode():
        return None
    try:
        key, score, reason = json.loads(content)
    except ValueError:
        return None
    if not (isinstance(key, str) and _KEY.fullmatch(key) and isinstance(reason, str) and type(score) in (int, float)):
        return None
    return (key, Verdict(float(score), reason)) if 0.0 <= score <= 1.0 else None
