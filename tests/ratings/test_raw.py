"""Raw files: values arrive as they stand, and what is wrong is named with file and row."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import DataError
from plural_core.ratings.coded import Coded
from plural_core.ratings.raw import read_raw

CSV = 'id,text,score\n1,"a, b",1.0\n2," NA ",\n'


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def message(path: Path, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        read_raw(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("bom.csv", "\ufeff" + CSV),
        ("crlf.csv", CSV.replace("\n", "\r\n")),
        ("blank.csv", "\n" + CSV.replace("\n2", "\n\n2") + "\n\n"),
        ("a.tsv", 'id\ttext\tscore\n1\t"a, b"\t1.0\n2\t NA \t\n'),
        ("german.csv", 'id;text;score\n1;"a, b";1.0\n2; NA ;\n'),
        ("a.jsonl", '{"id": 1, "text": "a, b", "score": "1.0"}\n\n{"id": 2, "text": " NA ", "score": null}\n'),
        ("a.CSV.GZ", gzip.compress(CSV.encode())),
    ],
)
def test_every_format_gives_the_same_text(tmp_path: Path, name: str, content: str | bytes) -> None:
    raw = read_raw(write(tmp_path / name, content))
    assert len(raw) == 2
    assert raw.coded("id").values().tolist() == ["1", "2"]
    assert raw.coded("text").values().tolist() == ["a, b", "NA"]
    assert raw.coded("text", ("", "NA")).values().tolist() == ["a, b", None]
    assert raw.coded("score").values().tolist() == ["1.0", None]


def test_parquet_types_become_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": [1, 2],
            "float": [1.0, 2.5],
            "gap": [3.0, None],
            "flag": [True, False],
            "group": pd.Categorical(["x", None]),
            "list": [["a", "b"], []],
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    raw = read_raw(tmp_path / "a.parquet")
    values = {name: raw.coded(name).values().tolist() for name in raw.columns}
    assert values["whole"] == ["1", "2"]
    assert values["float"] == ["1", "2.5"]
    assert values["gap"] == ["3", None]
    assert values["flag"] == ["true", "false"]
    assert values["group"] == ["x", None]
    assert values["list"] == ['["a", "b"]', "[]"]


def test_nested_json_has_dotted_names(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.jsonl", '{"a": {"b": 1, "c": [1]}}\n{"d": 2.0}\n{"a": {"b": true}}\n'))
    assert raw.coded("a.b").values().tolist() == ["1", None, "true"]
    assert raw.coded("a.c").values().tolist() == ["[1]", None, None]
    assert raw.coded("d").values().tolist() == [None, "2", None]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.csv.gz", "a.parquet"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    assert "empty" in message(write(tmp_path / name, b""))


def test_header_without_rows(tmp_path: Path) -> None:
    assert "no rows" in message(write(tmp_path / "a.csv", "a,b\n"))


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "ratings.csv", CSV)
    assert "Did you mean 'ratings.csv'?" in message(tmp_path / "rating.csv")
    assert "folder" in message(tmp_path)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz"])
@pytest.mark.parametrize("cut", [3, 20, -1])
def test_truncated_gzip(tmp_path: Path, name: str, cut: int) -> None:
    data = gzip.compress((CSV * 100).encode())
    assert "gzip" in message(write(tmp_path / name, data[:cut]))


def test_not_gzip(tmp_path: Path) -> None:
    assert "gzip" in message(write(tmp_path / "a.csv.gz", CSV))


@pytest.mark.parametrize("cut", [5, 200, -1, -9])
def test_truncated_parquet(tmp_path: Path, cut: int) -> None:
    pd.DataFrame({"a": range(1000)}).to_parquet(tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    assert "Parquet" in message(write(tmp_path / "a.parquet", data[:cut]))


def test_wrong_encoding_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,x\n2,größer\n".encode("latin-1"))
    text = message(path)
    assert "line 3" in text
    assert "data.encoding" in text
    assert read_raw(path, encoding="latin-1").coded("b").values()[1] == "größer"
    with pytest.raises(DataError, match="unknown encoding 'utf-9'"):
        read_raw(path, encoding="utf-9")


def test_utf16(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", CSV.encode("utf-16"))
    assert "utf-16" in message(path)
    assert len(read_raw(path, encoding="utf-16")) == 2


@pytest.mark.parametrize(("bad", "row"), [("1,2\n3\n5,6\n", 3), ("1,2\n\n3,4,5\n", 4), ('1,"x\ny"\n3\n', 3)])
def test_ragged_rows_count_as_a_spreadsheet_does(tmp_path: Path, bad: str, row: int) -> None:
    assert f"row {row}:" in message(write(tmp_path / "a.csv", "a,b\n" + bad))


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    assert "'a'" in message(write(tmp_path / "a.csv", "a, a\n1,2\n"))


@pytest.mark.parametrize("bad", ["{", "[1]", '{"a": 1'])
def test_bad_json_names_the_line(tmp_path: Path, bad: str) -> None:
    assert "row 3" in message(write(tmp_path / "a.jsonl", '{"a": 1}\n\n' + bad + "\n"))


def test_unknown_kinds(tmp_path: Path) -> None:
    assert "data.format" in message(write(tmp_path / "a.dat", CSV))
    assert "CSV" in message(write(tmp_path / "a.csv", b"PK\x03\x04rest"))
    assert len(read_raw(write(tmp_path / "a.dat", CSV), format="csv")) == 2


def test_fault_names_file_row_column_value(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'a,b\n1,"x\ny"\n\n2,z\n')
    raw = read_raw(path)
    assert str(raw.fault(1, "b", "z", "why")) == f"{path}, row 4, column 'b', value 'z': why"
    assert "row 4" in str(raw.take(np.array([1])).fault(0, "b", "z", "why"))


def test_missing_column_names_the_nearest(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", "participant,b\n1,2\n"))
    with pytest.raises(DataError, match=r"no column 'participants' .* Did you mean 'participant'\?"):
        raw.coded("participants")


def test_long_texts_and_many_blocks(tmp_path: Path) -> None:
    long = "x" * 300_000
    path = write(tmp_path / "a.csv", "a,b\n" + f'1,"{long}"\n' * 3 + "2\n")
    assert "row 5:" in message(path)
    raw = read_raw(write(tmp_path / "b.csv", "a,b\n" + f'1,"{long}\n"\n' * 3))
    assert raw.coded("b").uniques.tolist() == [long]


def test_coded_values() -> None:
    cells = Coded.of(["a", None, "b", "a"])
    assert cells.codes.tolist() == [0, -1, 1, 0]
    assert cells.values().tolist() == ["a", None, "b", "a"]
    assert cells.mapped(["x", "x"]).values().tolist() == ["x", None, "x", "x"]
    assert cells.mapped([None, "y"]).values().tolist() == [None, None, "y", None]
    assert cells.first([1]) == 2


def test_zero_bytes_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(b"a,b\n1,\x002\n")
    with pytest.raises(DataError, match=r"line 2: a zero byte.*utf-16"):
        read_raw(path)
    path.write_bytes("a,b\n1,2\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="a zero byte"):
        read_raw(path)


def test_a_missing_file_and_column_name_their_keys(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file.*--set data.items=FILE"):
        read_raw(tmp_path / "items.csv", key="data.items")
    path = tmp_path / "ratings.csv"
    path.write_text("worker,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no column .*; name the right one with data.columns.participant"):
        read_raw(path).coded("participant_id", role="data.columns.participant")
