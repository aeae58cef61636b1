"""Failure messages: the step's own line first, else the telling line of its log."""

from __future__ import annotations

from pathlib import Path

from plural_core.workflow.status import failure_message


def test_the_steps_own_line_comes_first(tmp_path: Path) -> None:
    log = tmp_path / "01_quality.log"
    log.write_text("ValueError: deep inside\n", encoding="utf-8")
    (tmp_path / "01_quality.error").write_text("ratings.csv, line 3: wrong\n", encoding="utf-8")
    assert failure_message(log) == "ratings.csv, line 3: wrong"


def test_else_the_last_telling_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "tables.log"
    log.write_text("Making ...\n\x1b[31mValueError: a\x1b[0m\n  at line 3\nKeyError: 'b'\nnote\n", encoding="utf-8")
    assert failure_message(log) == "KeyError: 'b'"
    log.write_text("Making ...\nplural: data.path: no such file\n", encoding="utf-8")
    assert failure_message(log) == "data.path: no such file"


def test_an_empty_or_missing_log_is_said(tmp_path: Path) -> None:
    log = tmp_path / "tables.log"
    assert failure_message(log) == "no log was written"
    log.write_text("", encoding="utf-8")
    assert failure_message(log) == "the log is empty"
