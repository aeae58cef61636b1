"""Atomic writes: a failure leaves what was there, and says so in one line."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import DataError, WorkflowError
from plural_core.io import atomic_write, read_json, read_table, write_json, write_table


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": ["x", None, "ü"], "b": [1, 2, 3], "c": [0.5, np.nan, 2.0]})
    write_table(table, tmp_path / "deep" / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "deep" / "t.parquet"), table)


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": list("abc"), "b": [1, 2, 3]})
    write_table(table, tmp_path / "1.parquet")
    write_table(table.copy(), tmp_path / "2.parquet")
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_an_error_while_writing_leaves_the_old_file_and_no_scraps(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), atomic_write(path) as stream:
        stream.write(b"half of the new")
        raise RuntimeError("killed")
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["t.txt"]


def test_a_full_disk_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(pd.DataFrame({"a": [1]}), path)
    before = path.read_bytes()
    large = pd.DataFrame({"a": np.random.default_rng(1).normal(size=200_000)})
    # A limit on the size of files is the fault of a full disk that an unprivileged test can have for real.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(WorkflowError, match=r"the disk is full; nothing was overwritten"):
            write_table(large, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


def test_a_folder_without_permission_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    user = os.geteuid()
    try:
        if user == 0:  # root may write everywhere, so the test goes on as nobody
            os.seteuid(65534)
        with pytest.raises(WorkflowError, match="no permission to write there"):
            write_json({}, tmp_path / "new" / "a.json")
    finally:
        os.seteuid(user)


def test_a_file_where_a_folder_is_needed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("", encoding="utf-8")
    with pytest.raises(WorkflowError, match="a file stands where a folder is needed"):
        write_json({}, tmp_path / "results" / "a.json")


def test_a_truncated_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(pd.DataFrame({"a": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"t.parquet: not a readable Parquet file .*; delete it and run again"):
        read_table(path)


def test_a_missing_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run the study first"):
        read_table(tmp_path / "t.parquet")


def test_json_holds_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_json({"a": float("nan")}, tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="not valid JSON"):
        read_json(tmp_path / "b.json")
