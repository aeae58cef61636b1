"""Checkpoints that are whole or not there, and of no other fine-tune; what to say when a disk is full."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plural_core.errors import PluralError
from plural_core.io import attempt, read_json, write_json
from plural_core.training.trained import TrainingError

STATE_FILE = "trainer_state.json"
"""What transformers' Trainer writes last into a checkpoint."""
SETUP_FILE = "setup.json"
_NAME = re.compile(r"^checkpoint-(\d+)$")
_PART = ".part"
_TORCH_WRITES = ("PytorchStreamWriter", "inline_container", "iostream", "No space left")
"""torch reports a failed write as a RuntimeError with one of these; any other RuntimeError is not about writing."""


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes `target` when the block ends without an error.

    A killed process leaves at most a folder ``.part``, which nobody reads. What stood at `target` is replaced.

    Raises
    ------
    TrainingError
        The disk is full, or the folder cannot be written.
    """
    part = target.with_name(f"{target.name}{_PART}")
    with explained_writing(target):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            yield part
            if target.exists():
                shutil.rmtree(target)
            part.replace(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def explained_writing(path: Path) -> Iterator[None]:
    """Turn what torch and safetensors raise when they cannot write into one line.

    Raises
    ------
    TrainingError
        In place of it.
    """
    from safetensors import SafetensorError

    try:
        yield
    except PluralError:
        raise
    except (OSError, SafetensorError, RuntimeError) as error:
        by_torch = isinstance(error, RuntimeError)
        if by_torch and not any(word in str(error) for word in _TORCH_WRITES):
            raise
        if _disk_full(error, path):
            raise TrainingError(
                f"{path}: the disk is full; free some space and run again, earlier checkpoints are kept"
            ) from error
        reason = "is the disk or a quota full?" if by_torch else " ".join(str(error).split())
        raise TrainingError(f"{path}: cannot be written ({reason})") from error


def _disk_full(error: Exception, path: Path) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    if re.search(rf"os error ({errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG})\b|No space left|File too large", str(error)):
        return True
    there = next((p for p in (path, *path.parents) if p.exists()), None)
    return there is not None and shutil.disk_usage(there).free < 2**20


def prepare_checkpoints(folder: Path, setup: dict[str, Any]) -> Path | None:
    """Return the last whole checkpoint of this very fine-tune, if there is one.

    Parameters
    ----------
    folder : Path
        Where checkpoints stand; it is made. Checkpoints of another set-up are removed, and so are unfinished ones.
    setup : dict
        Everything that decides what the fine-tune becomes, as JSON; a checkpoint made with other settings, other
        data or another base model would end in an adapter that no uninterrupted run gives.

    Raises
    ------
    TrainingError
        The folder cannot be written.
    """
    with explained_writing(folder):
        if folder.exists() and attempt(read_json, folder / SETUP_FILE) != setup:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob(f"*{_PART}"):
            shutil.rmtree(part, ignore_errors=True)
    if not (folder / SETUP_FILE).exists():
        write_json(setup, folder / SETUP_FILE)
    return last_checkpoint(folder)


def last_checkpoint(folder: Path) -> Path | None:
    """Return the whole checkpoint with most updates; one without a readable state is passed over."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.match(path.name)]
    for path in sorted(found, key=step_of, reverse=True):
        state = attempt(read_json, path / STATE_FILE)
        if isinstance(state, dict) and state.get("global_step") == step_of(path):
            return path
    return None


def step_of(checkpoint: Path) -> int:
    """Return the number of updates behind a checkpoint."""
    match = _NAME.match(checkpoint.name)
    assert match is not None
    return int(match.group(1))


def keep_only(checkpoint: Path) -> None:
    """Remove the other checkpoints beside this one."""
    for path in checkpoint.parent.glob("checkpoint-*"):
        if path != checkpoint and _NAME.match(path.name):
            shutil.rmtree(path, ignore_errors=True)


def remove_checkpoints(folder: Path) -> None:
    """Remove a folder of checkpoints: the fine-tune is finished."""
    shutil.rmtree(folder, ignore_errors=True)
