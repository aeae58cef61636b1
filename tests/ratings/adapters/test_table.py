"""The ``table`` adapter: one's own ratings, long or wide, and clear errors for bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import ConfigError, DataError
from plural_core.ratings.adapters import build, ingest
from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.tables import Ingested
from plural_core.study import load_study

Reader = Callable[..., Ingested]
WIDE = "participant_id,item_id,toxicity,gender\na,i1,1,f\na,i2,5,f\nb,i1,2,m\n"
TWO = "dimensions: {toxicity: {label: T}, helpfulness: {label: H}}\nfactors: {gender: {}}\n"
LONG = """who,what,aspect,mark,gender
a,i1,toxicity,1,f
a,i1,helpfulness,4,f
b,i1,toxicity,3.0,m
b,i1,helpfulness,,m
"""
LONG_COLUMNS = "data: {columns: {participant: who, item: what, dimension: aspect, rating: mark}}\n" + TWO


def entries(made: Ingested, action: str, what: str) -> list[int]:
    """Return the counts of the log's entries of a kind."""
    frame = made.log.to_frame()
    return frame.loc[(frame["action"] == action) & frame["what"].str.contains(what), "n"].tolist()


def test_smallest_config(ingested: Reader) -> None:
    tables = ingested("table").tables
    assert tables.ratings[["participant_id", "item_id", "rating", "position"]].to_numpy().tolist() == [
        ["ann", "i1", 1, 1],
        ["ann", "i2", 5, 2],
        ["ben", "i1", 2, 1],
        ["ben", "i2", 4, 2],
        ["cem", "i1", 3, 1],
        ["cem", "i3", 3, 2],
    ]
    assert tables.participants["gender"].tolist() == ["female", "male", "non-binary"]
    assert tables.participants["country"].isna().all()
    assert tables.items["prompt_id"].tolist() == ["i1", "i2", "i3"]


def test_long_layout_and_missing_rating(own: Reader) -> None:
    made = own(LONG, LONG_COLUMNS)
    ratings = made.tables.ratings
    assert list(zip(ratings["participant_id"], ratings["dimension"], ratings["rating"], strict=True)) == [
        ("a", "helpfulness", 4),
        ("a", "toxicity", 1),
        ("b", "toxicity", 3),
    ]
    assert entries(made, "dropped", "ratings") == [1]


def test_long_layout_with_a_scale_per_dimension(own: Reader) -> None:
    text = LONG.replace("helpfulness,4", "helpfulness,Good").replace("toxicity,1", "toxicity,5")
    config = LONG_COLUMNS.replace("{label: H}", "{label: H, levels: 3, labels: [Bad, Fair, Good]}")
    assert own(text, config).tables.ratings["rating"].tolist() == [3, 5, 3]
    with pytest.raises(DataError, match=r"row 3, column 'mark', value '5': outside the scale, 1 to 3"):
        own(LONG.replace("helpfulness,4", "helpfulness,5").replace("toxicity,1", "toxicity,5"), config)


@pytest.mark.parametrize("kind", ["csv.gz", "tsv", "parquet", "jsonl"])
def test_every_format_gives_the_same_tables(own: Reader, tmp_path: Path, kind: str) -> None:
    expected = own(LONG, LONG_COLUMNS).tables
    frame = pd.read_csv(tmp_path / "ratings.csv")
    path = tmp_path / f"other.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    found = ingest(load_study(tmp_path / "study.yaml", ["data.adapter=table", f"data.path={path}"]).config).tables
    for name in ("ratings", "items", "participants"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name))


def test_labels_values_and_bands(own: Reader) -> None:
    text = "participant_id,item_id,toxicity,age\na,1,Agree,30\nb,1,DISAGREE,31\nc,1,3,100\nd,1,n/a,20\n"
    config = """dimensions: {toxicity: {label: T, levels: 3, labels: [disagree, neutral, agree]}}
factors: {age: {bands: {18-30: [18, 30], over 30: [31, 99]}}}
"""
    made = own(text, config)
    assert made.tables.ratings["rating"].tolist() == [3, 1, 3]
    assert made.tables.participants["age"].tolist() == ["18-30", "over 30", None]
    assert entries(made, "dropped", "participants") == [1]
    values = "dimensions: {toxicity: {label: T, levels: 3, values: {'0': 1, '0.5': 2, '1': 3}}}\nfactors: {}\n"
    made = own("participant_id,item_id,toxicity\na,1,0.0\nb,1,.5\nc,1,1\n", values)
    assert made.tables.ratings["rating"].tolist() == [1, 2, 3]


def test_items_numbered_from_texts(own: Reader) -> None:
    text = "participant_id,prompt,response,toxicity,gender\na,Hi?,NA,1,f\na,Hi?,None,2,f\nb,Hi?,NA,3,m\nb,Ho?,NA,4,m\n"
    config = "data: {columns: {item: null}}\ndimensions: {toxicity: {label: T}}\nfactors: {gender: {}}\n"
    tables = own(text, config).tables
    assert tables.items[["item_id", "prompt_id", "prompt", "response"]].to_numpy().tolist() == [
        ["item_1", "prompt_1", "Hi?", "NA"],
        ["item_2", "prompt_1", "Hi?", "None"],
        ["item_3", "prompt_2", "Ho?", "NA"],
    ]
    assert tables.ratings["item_id"].tolist() == ["item_1", "item_2", "item_1", "item_3"]
    with pytest.raises(ConfigError, match="response"):
        own("participant_id,toxicity,gender\na,1,f\n", config)


def test_further_files(own: Reader) -> None:
    ratings = "participant_id,item_id,toxicity\na,i1,1\nb,i2,2\n"
    people = "participant_id,gender,passed_attention,email\na,f,yes,x\nb,m,no,y\nc,f,yes,z\n"
    items = "item_id,prompt,response,source\ni1,P,R1,m1\ni2,P,R2,m2\ni3,Q,R3,m1\n"
    made = own(ratings, participants=people, items=items)
    assert made.tables.participants["participant_id"].tolist() == ["a", "b"]
    assert made.tables.participants["passed_attention"].tolist() == [True, False]
    assert made.tables.items["response"].tolist() == ["R1", "R2"]
    assert entries(made, "dropped", "participants") == [1]
    assert entries(made, "dropped", "items") == [1]
    assert entries(made, "noticed", "columns") == [1]
    assert entries(made, "noticed", "attention") == [1]
    dropped = own(ratings, TWO.replace(", helpfulness: {label: H}", ""), "data.keep_failed_attention=false",
                  participants=people, items=items)  # fmt: skip
    assert dropped.tables.participants["participant_id"].tolist() == ["a"]
    assert dropped.tables.items["item_id"].tolist() == ["i1"]
    assert entries(dropped, "dropped", "ratings") == [1]


def test_position(own: Reader) -> None:
    text = "participant_id,item_id,toxicity,gender,position\na,i1,1,f,{}\na,i2,5,f,{}\nb,i1,2,m,{}\n"
    config = "dimensions: {toxicity: {label: T}}\nfactors: {gender: {}}\n"
    assert own(text.format(7, 3, 1), config).tables.ratings["position"].tolist() == [7, 3, 1]
    assert own(text.format(7, 0, 1), config).tables.ratings["position"].tolist() == [2, 1, 1]
    stamps = own(text.format("2024-05-02", "2024-05-01", "2024-01-01"), config).tables
    assert stamps.ratings["position"].tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (WIDE.replace("toxicity", "toxicty"), ["no column 'toxicity'", "Did you mean 'toxicty'?", "row 1"]),
        (WIDE.replace("gender", "Geschlecht"), ["no column 'gender'"]),
        (WIDE.replace("i2,5", "i2,6"), ["row 3", "column 'toxicity'", "value '6'", "outside the scale, 1 to 5"]),
        (WIDE.replace("i2,5", "i2,0"), ["row 3", "value '0'", "outside the scale"]),
        (WIDE.replace("i2,5", "i2,3.5"), ["row 3", "value '3.5'", "fraction"]),
        (WIDE.replace("i2,5", "i2,very"), ["row 3", "value 'very'", "not a rating"]),
        (WIDE + "a,i1,2,f\n", ["row 5", "column 'toxicity'", "value 2", "row 2", "on_conflict"]),
        (WIDE + "b,i2,2,f\n", ["row 5", "column 'gender'", "value 'f'", "'m' in row 4", "on_conflict"]),
        (WIDE + ",i2,2,f\n", ["row 5", "column 'participant_id'"]),
        (WIDE + "b,,2,m\n", ["row 5", "column 'item_id'"]),
        ("", ["empty"]),
        ("participant_id,item_id,toxicity,gender\na,i1,,f\n", ["no ratings are left"]),
    ],
)
def test_bad_input(own: Reader, tmp_path: Path, text: str, wanted: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        own(text)
    found = str(caught.value)
    assert "\n" not in found
    for part in [str(tmp_path / "ratings.csv"), *wanted]:
        assert part in found


def test_unknown_level_and_dimension(own: Reader) -> None:
    levels = "dimensions: {toxicity: {label: T}}\nfactors: {gender: {levels: [f, x]}}\n"
    with pytest.raises(DataError, match=r"row 4, column 'gender', value 'm': not a level .*recode"):
        own(WIDE, levels)
    with pytest.raises(DataError, match=r"row 3, column 'aspect', value 'helpfullness'.*Did you mean 'helpfulness'"):
        own(LONG.replace("helpfulness,4", "helpfullness,4"), LONG_COLUMNS)
    with pytest.raises(DataError, match="no row rates 'helpfulness'"):
        own(LONG.replace("helpfulness", "toxicity"), LONG_COLUMNS)


def test_unknown_items_and_participants(own: Reader) -> None:
    ratings = "participant_id,item_id,toxicity\na,i1,1\nz,i2,2\n"
    people, items = "participant_id,gender\na,f\n", "item_id,response\ni1,R\n"
    with pytest.raises(
        DataError, match=r"ratings.csv, row 3, column 'participant_id', value 'z': not in .*participants"
    ):
        own(ratings, participants=people)
    with pytest.raises(DataError, match=r"ratings.csv, row 3, column 'item_id', value 'i2': not in .*items.csv"):
        own(ratings.replace("z", "a"), participants=people, items=items)


def test_conflicts_resolved_to_the_mode(own: Reader) -> None:
    text = WIDE + "a,i1,2,f\na,i1,2,m\nb,i2,4,m\nb,i2,4,m\n"
    made = own(text, "data: {on_conflict: mode}\ndimensions: {toxicity: {label: T}}\nfactors: {gender: {}}\n")
    ratings = made.tables.ratings.set_index(["participant_id", "item_id"])["rating"]
    assert ratings.to_dict() == {("a", "i1"): 2, ("a", "i2"): 5, ("b", "i1"): 2, ("b", "i2"): 4}
    assert made.tables.participants["gender"].tolist() == ["f", "m"]
    assert entries(made, "resolved", "ratings") == [1]
    assert entries(made, "resolved", "gender") == [1]
    assert entries(made, "merged", "ratings") == [3]


def test_equal_duplicates_merge_and_recode_settles_spellings(own: Reader) -> None:
    recode = "dimensions: {toxicity: {label: T}}\nfactors: {gender: {recode: {female: f, '-': NA}}}\n"
    made = own(WIDE + "a,i1,1,female\nc,i1,1,-\n,,,\n", recode)
    assert len(made.tables.ratings) == 4
    assert made.tables.participants["gender"].tolist() == ["f", "m", None]
    assert entries(made, "merged", "ratings") == [1]
    assert entries(made, "dropped", "rows") == [1]
    assert entries(made, "recoded", "gender") == [2]


def test_a_blank_is_no_second_gender(own: Reader) -> None:
    assert own(WIDE.replace("i2,5,f", "i2,5,")).tables.participants["gender"].tolist() == ["f", "m"]


def test_item_with_two_texts(own: Reader) -> None:
    text = "participant_id,item_id,toxicity,gender,response\na,i1,1,f,R\nb,i1,2,m,S\n"
    with pytest.raises(DataError, match=r"row 3, column 'response', value 'S': the same item has 'R' in row 2"):
        own(text)


def test_logs_and_tables_name_no_one(own: Reader) -> None:
    people = "participant_id,gender,email\nann@example.org,f,ann\nben,m,ben\n"
    made = own("participant_id,item_id,toxicity\nann@example.org,1,1\nben,1,1\nben,1,1\n", participants=people)
    assert "email" not in made.tables.participants.columns
    assert not made.log.to_frame()["note"].str.contains("ann|ben|email").any()


def test_modal_takes_the_first_of_equals() -> None:
    rng = np.random.default_rng(3)
    group, value = rng.integers(0, 20, 300), rng.integers(0, 4, 300)
    mode, distinct, first = build.modal(group, value, 25)
    for g in range(25):
        mine = value[group == g].tolist()
        if not mine:
            assert (mode[g], distinct[g], first[g]) == (-1, 0, -1)
            continue
        assert mode[g] == max(dict.fromkeys(mine), key=mine.count)
        assert distinct[g] == len(set(mine))
        assert first[g] == np.flatnonzero((group == g) & (value == mode[g]))[0]


def test_order_counts_items_per_participant() -> None:
    long = build.from_wide(
        [np.array([1, 2, 3, 4, 5])],
        Coded.of(["a", "b", "a", "a", "b"]),
        Coded.of(["x", "y", "y", "x", "x"]),
        IngestLog(),
    )
    assert build.order_of(long).tolist() == [1, 1, 2, 1, 2]


def test_a_factor_that_nobody_states_is_noticed(own: Reader) -> None:
    made = own(WIDE.replace(",f", ",").replace(",m", ",NA"))
    assert entries(made, "noticed", "factors") == [1]
    assert not entries(own(WIDE), "noticed", "factors")


def test_no_item_with_two_raters_is_noticed(own: Reader) -> None:
    alone = own(WIDE.replace("b,i1", "b,i3"))
    assert entries(alone, "noticed", "items") == [3]
    assert alone.log.entries[-1]["note"] == "none has two raters: agreement is not estimable, the rest is"
    assert not entries(own(WIDE), "noticed", "items")
