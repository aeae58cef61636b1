"""Result tables through DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from plural_core.dashboard import store
from plural_core.errors import DataError
from plural_core.io import read_table
from plural_core.study import Study
from tests.dashboard.results import truncate


def test_rows_are_those_of_the_file(tiny: Study) -> None:
    whole = read_table(tiny.table("disagreement"))
    found = store.read(tiny, "disagreement")
    pd.testing.assert_frame_equal(found, whole, check_dtype=False)
    some = store.read(
        tiny, "disagreement", {"factor": ["gender", "country"], "dimension": "toxicity"}, ["level", "rate"]
    )
    wanted = whole[whole["factor"].isin(["gender", "country"]) & (whole["dimension"] == "toxicity")]
    pd.testing.assert_frame_equal(some, wanted[["level", "rate"]].reset_index(drop=True), check_dtype=False)
    assert store.read(tiny, "disagreement", {"factor": []}).empty
    assert store.read(tiny, "disagreement", order="rate", limit=3)["rate"].tolist() == sorted(whole["rate"])[:3]


def test_values_are_values_whatever_they_say(tiny: Study) -> None:
    assert store.read(tiny, "disagreement", {"level": "x' OR '1'='1"}).empty
    assert store.read(tiny, "disagreement", {"level": '"; DROP TABLE x; --'}).empty


def test_what_is_missing_or_damaged_is_told_apart(copied: Callable[[str], Study]) -> None:
    study = copied("tiny")
    study.table("alpha").unlink()
    with pytest.raises(store.TableMissing) as missing:
        store.read(study, "alpha")
    assert (missing.value.name, missing.value.owner) == ("alpha", "02_disagreement")
    truncate(study.table("disagreement"))
    with pytest.raises(store.TableDamaged, match="delete it and run again"):
        store.read(study, "disagreement")
    study.table("topics").write_bytes(b"")
    with pytest.raises(store.TableDamaged):
        store.read(study, "topics")
    with pytest.raises(DataError, match="not for showing"):
        store.read(study, "no_such_table")


def test_signatures_change_with_the_file(copied: Callable[[str], Study]) -> None:
    study = copied("tiny")
    before = store.signature(study, "alpha")
    truncate(study.table("alpha"))
    assert store.signature(study, "alpha") != before
    study.table("alpha").unlink()
    assert store.signature(study, "alpha") == (0, 0)


def test_many_visitors_read_at_once(tiny: Study) -> None:
    expected = len(read_table(tiny.table("effects_demographic")))
    with ThreadPoolExecutor(8) as pool:
        lengths = list(pool.map(lambda _: len(store.read(tiny, "effects_demographic")), range(60)))
    assert lengths == [expected] * 60
