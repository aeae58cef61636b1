"""Findings: marked when simulated, plain numbers, read back in order."""

from __future__ import annotations

from pathlib import Path

from plural_core.findings import make_finding, read_findings, write_findings


def test_a_simulated_finding_begins_with_the_mark_once() -> None:
    finding = make_finding("a", "x is 1.", 1.0, simulated=True)
    assert finding.sentence == "Simulated data: x is 1."
    assert make_finding("a", finding.sentence, simulated=True).sentence == finding.sentence
    assert make_finding("a", "x is 1.", simulated=False).sentence == "x is 1."


def test_what_cannot_be_estimated_is_none(tmp_path: Path) -> None:
    finding = make_finding("a", "x", float("nan"), float("inf"), None, 3, simulated=False)
    assert (finding.value, finding.ci_low, finding.ci_high, finding.n) == (None, None, None, 3)
    write_findings([finding], tmp_path / "02_b.json")
    write_findings([make_finding("c", "y", 2.0, simulated=False)], tmp_path / "01_a.json")
    frame = read_findings(tmp_path)
    assert frame["notebook"].tolist() == ["01_a", "02_b"]
    assert frame["id"].tolist() == ["c", "a"]


def test_a_damaged_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "01_a.json").write_text("[{", encoding="utf-8")
    assert read_findings(tmp_path).empty
