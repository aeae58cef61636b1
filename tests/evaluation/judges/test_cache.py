"""The cache: what was paid for is never lost, whatever happens to the process or the file."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.errors import WorkflowError
from plural_core.evaluation.judges.base import Ask, Verdict
from plural_core.evaluation.judges.cache import JudgeCache, _entry, _line, cache_key

ASK = Ask("Why?", "Because.", "en")
WRITER = """
    import sys
    from pathlib import Path
    from plural_core.evaluation.judges.base import Ask, Verdict
    from plural_core.evaluation.judges.cache import JudgeCache

    cache = JudgeCache(Path(sys.argv[1]))
    for i in range(int(sys.argv[3])):
        cache.put("gpt", "v1", "toxicity", Ask("p", f"{sys.argv[2]} {i}"), Verdict(i % 5 / 4, "reason " * 20))
        print(i, flush=True)
"""


def test_what_is_put_is_there(tmp_path: Path) -> None:
    with JudgeCache.of(tmp_path) as cache:
        assert cache.get("gpt", "v1", "toxicity", ASK) is None
        cache.put("gpt", "v1", "toxicity", ASK, Verdict(0.25, "größer\nthan \ud800"))
        assert cache.get("gpt", "v1", "toxicity", ASK) == (0.25, "größer\nthan \ud800")
    with JudgeCache.of(tmp_path) as again:
        assert again.get("gpt", "v1", "toxicity", ASK) == (0.25, "größer\nthan \ud800")
        assert again.count("gpt") == 1
        assert not again.notes
    assert [p.parent.parent.name for p in tmp_path.rglob("*.jsonl")] == ["judge_cache"]


def test_everything_in_the_key_counts(tmp_path: Path) -> None:
    cache = JudgeCache(tmp_path)
    cache.put("gpt", "v1", "toxicity", ASK, Verdict(0.25))
    for other in (
        ("qwen", "v1", "toxicity", ASK),
        ("gpt", "v2", "toxicity", ASK),
        ("gpt", "v1", "helpfulness", ASK),
        ("gpt", "v1", "toxicity", ASK._replace(prompt="Why")),
        ("gpt", "v1", "toxicity", ASK._replace(response="Because")),
    ):
        assert cache.get(*other) is None
    assert cache_key("a", "b", "c", Ask("d", "e")) != cache_key("a", "b", "c", Ask("de", ""))
    cache_key("a", "b", "c", Ask("\ud800", "\udfff"))


def test_failures_are_not_kept(tmp_path: Path) -> None:
    cache = JudgeCache(tmp_path)
    cache.put("gpt", "v1", "toxicity", ASK, Verdict.missing("down"))
    assert cache.get("gpt", "v1", "toxicity", ASK) is None
    assert not list(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="not in"):
        cache.put("gpt", "v1", "toxicity", ASK, Verdict(1.5))


def test_the_first_score_stays(tmp_path: Path) -> None:
    cache = JudgeCache(tmp_path)
    cache.put("gpt", "v1", "toxicity", ASK, Verdict(0.25))
    cache.put("gpt", "v1", "toxicity", ASK, Verdict(1.0))
    assert JudgeCache(tmp_path).get("gpt", "v1", "toxicity", ASK) == (0.25, "")


def test_a_broken_end_costs_its_own_line_only(tmp_path: Path) -> None:
    cache = JudgeCache(tmp_path)
    for i in range(3):
        cache.put("gpt", "v1", "toxicity", Ask("p", str(i)), Verdict(0.5, "ok"))
    cache.close()
    (file,) = tmp_path.rglob("*.jsonl")
    whole = file.read_bytes()
    last = whole.rstrip().rfind(b"\n") + 1
    for end in range(last, len(whole)):
        file.write_bytes(whole[:end])
        again = JudgeCache(tmp_path)
        kept = 3 if end == len(whole) - 1 else 2  # only the line's own end is missing
        assert again.count("gpt") == kept
        assert len(again.notes) == (kept == 2 and end > last)
    assert "1 damaged line is skipped" in again.notes[0] if again.notes else True


@settings(max_examples=200, deadline=None)
@given(score=st.floats(0.0, 1.0), reason=st.text(max_size=20), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(score: float, reason: str, place: int, bit: int) -> None:
    line = _line("0" * 64, Verdict(score, reason))
    assert _entry(line) == ("0" * 64, (score, reason))
    damaged = bytearray(line)
    damaged[place % len(line)] ^= 1 << bit
    assert _entry(bytes(damaged)) is None


@given(junk=st.binary(max_size=80))
def test_any_line_may_stand_in_a_file(junk: bytes) -> None:
    assert _entry(junk) is None


def test_damage_is_noted_and_the_rest_is_used(tmp_path: Path) -> None:
    cache = JudgeCache(tmp_path)
    cache.put("gpt", "v1", "toxicity", ASK, Verdict(0.5))
    cache.close()
    (tmp_path / "gpt" / "0.jsonl").write_bytes(b"\x00\xff\n{}\n[1, 2]\n")
    (tmp_path / "gpt" / "1.jsonl").mkdir()
    again = JudgeCache(tmp_path)
    assert again.get("gpt", "v1", "toxicity", ASK) == (0.5, "")
    assert "3 damaged lines are skipped" in again.notes[0]
    assert "cannot be read" in again.notes[1]


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    JudgeCache(tmp_path / "cache").put("../../x", "v1", "toxicity", ASK, Verdict(0.5))
    assert all((tmp_path / "cache") in path.parents for path in tmp_path.rglob("*.jsonl"))


def test_a_full_disk_is_one_line_and_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = JudgeCache(tmp_path)
    cache.put("gpt", "v1", "toxicity", ASK, Verdict(0.5))
    real = os.write

    def half(handle: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(WorkflowError, match="the disk is full"):
            cache.put("gpt", "v1", "toxicity", Ask("p", "lost"), Verdict(0.5))
        assert cache.get("gpt", "v1", "toxicity", Ask("p", "lost")) is None
    cache.put("gpt", "v1", "toxicity", Ask("p", "after"), Verdict(0.75))
    again = JudgeCache(tmp_path)
    assert again.count("gpt") == 2
    assert again.get("gpt", "v1", "toxicity", Ask("p", "after")) == (0.75, "")
    assert len(again.notes) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkflowError, match="cannot be kept"):
        JudgeCache(tmp_path / "file").put("gpt", "v1", "toxicity", ASK, Verdict(0.5))


def test_killed_and_concurrent_writers(tmp_path: Path) -> None:
    def start(name: str, n: int) -> subprocess.Popen[str]:
        script = textwrap.dedent(WRITER)
        return subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), name, str(n)], stdout=subprocess.PIPE, text=True
        )

    writers = [start("a", 300), start("b", 300), start("killed", 10**9)]
    doomed = writers[-1]
    assert doomed.stdout is not None
    deadline = time.monotonic() + 60
    said = -1
    while said < 500 and time.monotonic() < deadline:
        said = int(doomed.stdout.readline())
    os.kill(doomed.pid, signal.SIGKILL)
    rest, _ = doomed.communicate()
    for line in rest.split("\n")[:-1]:  # each line that ended was said after its score was kept
        said = int(line)
    for writer in writers[:2]:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    cache = JudgeCache(tmp_path)
    for name, n in (("a", 300), ("b", 300), ("killed", said + 1)):
        for i in range(n):
            assert cache.get("gpt", "v1", "toxicity", Ask("p", f"{name} {i}")) == (i % 5 / 4, "reason " * 20)
    assert len(list(tmp_path.rglob("*.jsonl"))) == 3
