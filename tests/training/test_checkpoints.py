"""Checkpoints: whole or not there, and never those of another fine-tune."""

from __future__ import annotations

import errno
import json
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from plural_core.training.checkpoints import (
    STATE_FILE,
    explained_writing,
    keep_only,
    last_checkpoint,
    prepare_checkpoints,
    whole_folder,
)
from plural_core.training.trained import TrainingError

SETUP = {"seed": 1}


def checkpoint(folder: Path, step: int, state: Any = None) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / STATE_FILE).write_text(json.dumps({"global_step": step} if state is None else state))
    return path


def test_the_last_whole_one(tmp_path: Path) -> None:
    assert prepare_checkpoints(tmp_path / "c", SETUP) is None
    checkpoint(tmp_path / "c", 9)
    whole = checkpoint(tmp_path / "c", 10)
    checkpoint(tmp_path / "c", 30).joinpath(STATE_FILE).write_text('{"global_step": 3')
    checkpoint(tmp_path / "c", 40).joinpath(STATE_FILE).unlink()
    checkpoint(tmp_path / "c", 50, {"global_step": 40})
    checkpoint(tmp_path / "c", 60).rename(tmp_path / "c" / "checkpoint-60.part")
    (tmp_path / "c" / "checkpoint-x").mkdir()
    assert prepare_checkpoints(tmp_path / "c", SETUP) == whole
    assert not (tmp_path / "c" / "checkpoint-60.part").exists()
    keep_only(whole)
    assert sorted(p.name for p in (tmp_path / "c").glob("checkpoint-*")) == ["checkpoint-10", "checkpoint-x"]


def test_checkpoints_of_another_setup_are_of_no_use(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    prepare_checkpoints(folder, SETUP)
    made = checkpoint(folder, 10)
    assert prepare_checkpoints(folder, SETUP) == made
    assert prepare_checkpoints(folder, {"seed": 2}) is None
    assert last_checkpoint(folder) is None
    checkpoint(folder, 10)
    (folder / "setup.json").unlink()  # nobody knows what this one is of
    assert prepare_checkpoints(folder, {"seed": 2}) is None


def test_a_folder_is_whole_or_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    with whole_folder(target) as part:
        (part / "a").write_text("one")
    with pytest.raises(RuntimeError, match="killed"), whole_folder(target) as part:
        (part / "a").write_text("two")
        raise RuntimeError("killed")
    assert (target / "a").read_text() == "one"
    with whole_folder(target) as part:
        (part / "b").write_text("three")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


@pytest.mark.parametrize("write", ["torch", "safetensors", "text"])
def test_a_file_that_does_not_fit_is_one_line(tmp_path: Path, write: str) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    target = tmp_path / "adapter"
    with pytest.raises(TrainingError) as error, whole_folder(target) as part:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
        try:
            if write == "torch":
                torch.save(torch.zeros(10_000), part / "x")
            elif write == "safetensors":
                save_file({"x": torch.zeros(10_000)}, part / "x")
            else:
                (part / "x").write_text("x" * 10_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{target}: ")
    assert not target.exists()


def test_a_full_disk_is_called_that(tmp_path: Path) -> None:
    for error in (OSError(errno.ENOSPC, "No space left on device"), RuntimeError("PytorchStreamWriter: No space left")):
        with pytest.raises(TrainingError, match="the disk is full"), explained_writing(tmp_path):
            raise error
    with pytest.raises(TrainingError, match="cannot be written"), explained_writing(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_other_errors_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"), explained_writing(tmp_path):
        raise RuntimeError("shapes do not fit")
