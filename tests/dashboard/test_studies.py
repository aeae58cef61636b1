"""Which studies there are to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from plural_core.dashboard.studies import ENVIRONMENT, Shelf, make_shelf, open_study, titles
from plural_core.errors import ConfigError


def test_all_studies_under_results_are_found_again_whenever_asked(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = make_shelf([], shelf)
    assert list(found.entries()) == ["own", "tiny"]
    monkeypatch.setenv(ENVIRONMENT, found.to_environment())
    assert Shelf.from_environment() == found
    assert titles(found.entries())["tiny"] == "A tiny simulated study"


def test_studies_are_named_by_name_folder_or_config(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shelf.parent)
    by_folder = make_shelf([str(shelf / "tiny")], Path("elsewhere"))
    assert by_folder.folders == (shelf / "tiny",)
    assert make_shelf(["tiny", "own"]).folders == (shelf / "tiny", shelf / "own")
    assert make_shelf([str(shelf.parent / "own.yaml")]).folders == (shelf / "own",)


def test_what_does_not_exist_is_named(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'tiny'"):
        make_shelf(["tinny"], shelf)
    (tmp_path / "new.yaml").write_text("study: new\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no results yet"):
        make_shelf([str(tmp_path / "new.yaml")], shelf)
    assert Shelf((), tmp_path / "nothing").entries() == {}


def test_two_studies_of_one_name_keep_their_own_links(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.yaml").write_text("study: tiny\n", encoding="utf-8")
    entries = Shelf((shelf / "tiny", tmp_path / "tiny"), shelf).entries()
    assert entries == {"tiny": shelf / "tiny", "tiny-2": tmp_path / "tiny"}


def test_results_may_be_moved(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "config.yaml").write_bytes((shelf / "tiny" / "config.yaml").read_bytes())
    assert open_study(tmp_path / "copy").root == tmp_path / "copy"


def test_a_broken_config_keeps_its_place_in_the_list(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "config.yaml").write_text("study: [", encoding="utf-8")
    assert titles(Shelf((), tmp_path).entries()) == {"bad": "bad"}
