"""A visitor's own file: what is let in, what is guessed, what is read, and what the downloaded config gives."""

from __future__ import annotations

import gzip
import io
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.agreement import disagreement_table
from plural_core.dashboard import store
from plural_core.dashboard.upload import analysis, example, gate, guess, setup
from plural_core.dashboard.views import disagreement, effects, raters
from plural_core.dashboard.words import Words, texts
from plural_core.errors import ConfigError, DataError
from plural_core.ratings.adapters import ingest
from plural_core.ratings.raw import in_memory, read_raw
from plural_core.study import Study, load_study


def read(name: str, data: bytes, **changes: object) -> analysis.Read:
    upload, raw = gate.let_in(name, data)
    mapping = guess.guess(raw)
    mapping = guess.Mapping(**{**mapping.__dict__, **changes})
    return analysis.read_upload(upload, setup.config_data(mapping, raw, setup.study_name(name)))


def parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(example.example_csv()), dtype=str)


# -- the gate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("a.xlsx", b"x", "kind"),
        ("a", b"x,y\n1,2\n", "kind"),
        ("a.csv.gz", b"x", "kind"),
        ("a.pkl", pickle.dumps([1]), "kind"),
        ("a.csv", b"", "empty"),
        ("a.csv", b" \n ", "empty"),
        ("a.csv", gzip.compress(b"x,y\n1,2\n"), "packed"),
        ("a.csv", b"PK\x03\x04....", "spreadsheet"),
        ("a.csv", pickle.dumps({"a": 1}), "program"),
        ("a.parquet", pickle.dumps({"a": 1}), "program"),
        ("a.csv", b"PAR1....", "mismatch"),
        ("a.parquet", b"x,y\n1,2\n", "mismatch"),
        ("a.csv", b"%PDF-1.7", "other"),
    ],
)
def test_files_of_other_kinds_are_refused_before_they_are_parsed(name: str, data: bytes, key: str) -> None:
    with pytest.raises(gate.Refused) as refused:
        gate.let_in(name, data)
    assert refused.value.key == key
    assert f"yours.refused.{key}" in texts("en")


def test_size_rows_and_columns_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = pd.DataFrame({f"c{i}": ["1"] for i in range(201)})
    for name, data in (("a.csv", wide.to_csv(index=False).encode()), ("a.parquet", parquet(wide))):
        with pytest.raises(gate.Refused) as refused:
            gate.let_in(name, data)
        assert refused.value.key == "columns"
    monkeypatch.setattr(gate, "MOST_ROWS", 3)
    tall = pd.DataFrame({"a": list("abcde")})
    for name, data in (("a.csv", tall.to_csv(index=False).encode()), ("a.parquet", parquet(tall))):
        with pytest.raises(gate.Refused) as refused:
            gate.let_in(name, data)
        assert refused.value.key == "rows"
    monkeypatch.setattr(gate, "MOST_BYTES", 10)
    with pytest.raises(gate.Refused) as refused:
        gate.let_in("a.csv", b"a,b\n" + b"1,2\n" * 10)
    assert refused.value.key == "size"


def test_a_small_file_that_unpacks_to_very_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = parquet(pd.DataFrame({"a": ["x" * 1000] * 20_000}))
    assert len(bomb) < 200_000
    monkeypatch.setattr(gate, "MOST_EXPANDED", 5_000_000)
    with pytest.raises(gate.Refused) as refused:
        gate.let_in("a.parquet", bomb)
    assert refused.value.key == "expanded"


def test_only_numbers_and_texts_are_taken_from_parquet() -> None:
    with pytest.raises(gate.Refused) as refused:
        gate.let_in("a.parquet", parquet(pd.DataFrame({"a": [{"x": 1}, {"x": 2}]})))
    assert refused.value.key == "type"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("r.csv", "a,b\n1,ä\n".encode("latin-1"), "not utf-8 text"),
        ("r.csv", b"a,b\n1,2\n1,2,3\n", "row 3: 3 columns where the header has 2"),
        ("r.csv", b"a,b\n", "no rows"),
        ("r.csv", b"a,a\n1,2\n", "two columns are named 'a'"),
        ("r.csv", b"a\n\x00\n", "zero byte"),
        ("r.parquet", b"PAR1 this is cut off", "damaged Parquet"),
    ],
)
def test_damaged_files_say_where(name: str, data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        gate.let_in(name, data)


def test_truncated_parquet_is_one_line(frame: pd.DataFrame) -> None:
    whole = parquet(frame)
    for share in (0.3, 0.9, 0.999):
        with pytest.raises(DataError) as error:
            gate.let_in("r.parquet", whole[: int(len(whole) * share)])
        assert "\n" not in str(error.value)


def test_folders_in_names_are_dropped() -> None:
    upload, _ = gate.let_in("../../etc/x.csv", b"a,b\n1,2\n")
    assert upload.name == "x.csv"
    assert gate.let_in("C:\\data\\x.csv", b"a,b\n1,2\n")[0].name == "x.csv"


def test_files_in_memory_are_seen_inside_the_block_only(tmp_path: Path) -> None:
    with in_memory({"m.csv": b"a,b\n1,2\n"}):
        assert read_raw("m.csv").columns == ["a", "b"]
    with pytest.raises(DataError, match="no such file"):
        read_raw("m.csv")


# -- guesses -----------------------------------------------------------------------------------------------------


def test_the_example_is_understood_without_any_correction(frame: pd.DataFrame) -> None:
    _, raw = gate.let_in("example.csv", example.example_csv())
    found = guess.guess(raw)
    assert found.participant == "participant_id"
    assert found.item == "item_id"
    assert set(found.ratings) == set(example.DIMENSIONS)
    assert set(found.factors) == {"country", "gender", "age_band", "political", "ethnicity"}
    assert (found.prompt, found.response) == ("prompt", "response")
    assert found.levels == dict.fromkeys(found.ratings, 5)
    assert found.bad == {"toxicity"}
    assert guess.is_ordered(raw, "age_band")
    assert not guess.is_ordered(raw, "gender")


def test_long_files_are_told_from_wide_ones(frame: pd.DataFrame) -> None:
    long = frame.melt(["participant_id", "item_id", "gender"], list(example.DIMENSIONS), "dimension", "rating")
    _, raw = gate.let_in("long.csv", long.to_csv(index=False).encode())
    found = guess.guess(raw)
    assert (found.dimension, found.rating, found.ratings) == ("dimension", "rating", ())
    assert found.long
    assert set(found.levels) == set(example.DIMENSIONS)
    assert found.factors == ("gender",)


def test_other_names_and_scales(frame: pd.DataFrame) -> None:
    other = pd.DataFrame(
        {
            "WorkerId": frame["participant_id"],
            "comment_id": frame["item_id"],
            "Offensive": (frame["toxicity"].astype(int) - 1).astype(str),  # 0 to 4
            "Age": frame["age_band"],
            "timestamp": np.arange(len(frame)) + 1_700_000_000,
        }
    )
    _, raw = gate.let_in("o.tsv", other.to_csv(index=False, sep="\t").encode())
    found = guess.guess(raw)
    assert (found.participant, found.item, found.ratings, found.factors) == (
        "WorkerId", "comment_id", ("Offensive",), ("Age",),
    )  # fmt: skip
    assert (found.levels["Offensive"], found.lowest["Offensive"], found.bad) == (5, 0, {"Offensive"})
    made = read("o.tsv", other.to_csv(index=False, sep="\t").encode())
    assert set(made.tables.ratings["rating"]) == {1, 2, 3, 4, 5}
    assert list(made.study.config.dimensions) == ["offensive"]


# -- reading and what comes out ----------------------------------------------------------------------------------


def test_errors_name_row_column_and_value(frame: pd.DataFrame) -> None:
    bad = frame.copy()
    bad.loc[16, "toxicity"] = "9"
    with pytest.raises(DataError, match=r"r\.csv, row 18, column 'toxicity', value '9'"):
        read(
            "r.csv",
            bad.to_csv(index=False).encode(),
            ratings=example.DIMENSIONS,
            levels=dict.fromkeys(example.DIMENSIONS, 5),
        )
    gap = frame.copy()
    gap.loc[4, "participant_id"] = None
    with pytest.raises(DataError, match="row 6, column 'participant_id'"):
        read("r.csv", gap.to_csv(index=False).encode())


def test_missing_choices_are_named(frame: pd.DataFrame) -> None:
    _, raw = gate.let_in("r.csv", example.example_csv())
    found = guess.guess(raw)
    with pytest.raises(ConfigError, match="who rated"):
        setup.config_data(guess.Mapping(**{**found.__dict__, "participant": ""}), raw, "r")
    with pytest.raises(ConfigError, match="at least one column with ratings"):
        setup.config_data(guess.Mapping(**{**found.__dict__, "ratings": (), "rating": ""}), raw, "r")
    with pytest.raises(ConfigError, match="same name"):
        setup.config_data(guess.Mapping(**{**found.__dict__, "factors": ("gender", "Gender")}), raw, "r")


def test_the_downloaded_config_gives_the_same_tables(tmp_path: Path) -> None:
    data = example.example_csv()
    upload, raw = gate.let_in("my ratings.csv", data)
    settings = setup.config_data(guess.guess(raw), raw, setup.study_name(upload.name))
    here = analysis.read_upload(upload, settings)
    (tmp_path / "my ratings.csv").write_bytes(data)
    (tmp_path / "my-ratings.yaml").write_text(setup.config_yaml(settings), encoding="utf-8")
    study = load_study(tmp_path / "my-ratings.yaml")
    there = ingest(study.config).tables
    pd.testing.assert_frame_equal(there.ratings, here.tables.ratings)
    pd.testing.assert_frame_equal(there.participants, here.tables.participants)
    ours = analysis.agreement_tables(here)["disagreement"]
    theirs = disagreement_table(there, study.config, here.people)
    pd.testing.assert_frame_equal(ours, theirs)


def test_panels_of_an_upload_are_those_of_a_study() -> None:
    made = read("r.csv", example.example_csv())
    tables = analysis.agreement_tables(made)
    fits, fitted = analysis.effect_tables(made)
    assert fitted.fits
    view = analysis.memory_view(made, Words("de"), {**tables, **fits})
    panels = [
        raters.ingest(view),
        disagreement.rates(view),
        disagreement.by_group(view, "toxicity", "rate"),
        disagreement.between(view, "gender", *view.groups("gender")[:2]),
        effects.forest(view, tuple(view.dimensions), tuple(view.compared)),
        effects.shares(view, "toxicity", tuple(view.compared)),
    ]
    ids = set(made.tables.participants["participant_id"])
    for panel in panels:
        assert panel.reading
        assert not {str(v) for c in panel.table for v in panel.table[c] if isinstance(v, str)} & ids
    rates = panels[1].table
    assert rates.loc[rates["dimension"] == "overall", "rate"].iloc[0] == pytest.approx(
        tables["disagreement"].query("factor == 'all' and dimension == 'overall'")["rate"].iloc[0]
    )
    effects_rows = panels[4].table.set_index(["dimension", "factor", "level"])["estimate"]
    for (dimension, factor, level), value in effects_rows.items():
        whole = fits["effects_demographic"].set_index(["dimension", "term"])["estimate"]
        assert value == pytest.approx(whole[dimension, factor + level])


def test_an_upload_cannot_reach_a_studys_files(tiny: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.root.parent)
    made = read("tiny.csv", example.example_csv())
    assert made.study.name == "tiny"
    with pytest.raises(store.TableMissing):
        store.read(made.study, "disagreement")
    with pytest.raises(KeyError):
        analysis.memory_view(made, Words("en"), {}).table("disagreement")


def test_small_groups_of_an_upload_are_merged() -> None:
    made = read("r.csv", example.example_csv())
    for factor in made.people.factors:
        assert made.people.cells(factor)[factor].value_counts().min() >= 10


def test_names_become_columns_and_folders() -> None:
    assert setup.study_name("My Ratings (final).csv") == "my-ratings-final"
    assert setup.study_name("___.csv") == "mine"
    data = b"worker,answer,How toxic?,2nd\nw1,a,1,2\nw1,b,2,1\nw2,a,3,2\nw2,b,4,5\n"
    upload, raw = gate.let_in("x.csv", data)
    found = guess.Mapping("worker", "answer", ("How toxic?", "2nd"), levels={"How toxic?": 5, "2nd": 5})
    settings = setup.config_data(found, raw, "x")
    assert list(settings["dimensions"]) == ["how_toxic", "d_2nd"]
    assert len(analysis.read_upload(upload, settings).tables.ratings) == 8
