"""Adapters of named data sets on hand-written files in their layouts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from plural_core.errors import ConfigError, DataError
from plural_core.ratings.adapters import aligniverse_answers, ingest
from plural_core.ratings.tables import Ingested
from plural_core.study import load_study

Reader = Callable[..., Ingested]


def entries(made: Ingested, action: str, what: str) -> list[int]:
    """Return the counts of the log's entries of a kind."""
    frame = made.log.to_frame()
    return frame.loc[(frame["action"] == action) & frame["what"].str.contains(what), "n"].tolist()


def people(made: Ingested, name: str) -> dict[str, str | None]:
    table = made.tables.participants
    return dict(zip(table["participant_id"], table[name], strict=True))


def ratings(made: Ingested, dimension: str) -> dict[tuple[str, str], int]:
    table = made.tables.ratings
    table = table[table["dimension"] == dimension]
    return dict(zip(zip(table["participant_id"], table["item_id"], strict=True), table["rating"], strict=True))


def test_aligniverse_people(ingested: Reader) -> None:
    made = ingested("aligniverse")
    assert people(made, "gender") == {
        "en-1": "female", "en-2": "male", "en-3": "non-binary", "en-4": None, "de-1": "male", "de-2": None,
    }  # fmt: skip
    assert people(made, "age_band") == {
        "en-1": "18-30", "en-2": "over 60", "en-3": None, "en-4": None, "de-1": "51-60", "de-2": None,
    }  # fmt: skip
    assert people(made, "country") == {
        "en-1": "US", "en-2": "US", "en-3": None, "en-4": None, "de-1": "Germany", "de-2": "Germany",
    }  # fmt: skip
    assert people(made, "ethnicity") == {
        "en-1": "White", "en-2": "other", "en-3": None, "en-4": None, "de-1": "White", "de-2": "Asian",
    }  # fmt: skip
    assert people(made, "political") == {
        "en-1": "liberal", "en-2": "conservative", "en-3": "moderate", "en-4": None,
        "de-1": "moderate", "de-2": "conservative",
    }  # fmt: skip
    attention = made.tables.participants.set_index("participant_id")["passed_attention"]
    assert attention[["en-1", "en-2", "en-3"]].tolist() == [True, False, True]
    assert attention[["en-4", "de-1", "de-2"]].isna().all()
    assert entries(made, "dropped", "participants") == [1]


def test_aligniverse_ratings_and_items(ingested: Reader) -> None:
    made = ingested("aligniverse")
    assert ratings(made, "stereotypical_bias") == {
        ("en-1", "en-101"): 5, ("en-1", "en-102"): 4, ("en-2", "en-101"): 3, ("en-2", "en-102"): 4,
        ("en-3", "en-103"): 1, ("en-4", "en-101"): 2, ("de-1", "de-101"): 5, ("de-2", "de-101"): 3,
    }  # fmt: skip
    assert ratings(made, "helpfulness")["de-1", "de-101"] == 1
    assert entries(made, "dropped", "rows") == [1, 1]
    assert entries(made, "resolved", "ratings") == [1]
    assert entries(made, "merged", "ratings") == [5]
    items = made.tables.items.set_index("item_id")
    assert items.loc["en-102"].tolist() == [
        "en-10", "How do we share the chores?", "She cooks.", "en", "Wizard-Vicuna-7B-Uncensored",
    ]  # fmt: skip
    assert items.loc["de-101", ["prompt_id", "language", "source"]].tolist() == ["de-10", "de", "instruct-igel-001"]
    assert items.loc["de-101", ["prompt", "response"]].isna().all()
    positions = made.tables.ratings.groupby("participant_id")["position"].max()
    assert positions["en-1"] == positions["en-2"] == 2


def test_aligniverse_one_language(fixtures: Path, tmp_path: Path) -> None:
    for name in ("study.yaml", "df_ratings_german.csv", "df_participants_german.csv"):
        shutil.copy(fixtures / "aligniverse" / name, tmp_path)
    factors = "data: {adapter: aligniverse, path: .}\nfactors: {country: {}, gender: {}, ancestry: {}}\n"
    (tmp_path / "study.yaml").write_text("study: survey\n" + factors)
    made = ingest(load_study(tmp_path / "study.yaml").config)
    assert made.tables.participants["passed_attention"].isna().all()
    assert people(made, "ancestry") == {"de-1": "Germany", "de-2": "Turkey"}
    (tmp_path / "df_participants_german.csv").unlink()
    with pytest.raises(DataError, match=r"df_participants_german.csv: there is no such file"):
        ingest(load_study(tmp_path / "study.yaml").config)
    (tmp_path / "df_ratings_german.csv").unlink()
    with pytest.raises(DataError, match=r"neither df_ratings.csv nor"):
        ingest(load_study(tmp_path / "study.yaml").config)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (("df_ratings.csv", "3,11,103,Yes,1", "3,11,103,Yes,6"), r"df_ratings.csv, row 7, .*value '6'.*outside"),
        (("df_ratings.csv", "4,10,101", "77,10,101"), r"row 9, column 'participant_id', value '77': not in"),
        (("df_participants.csv", '"[""White""]"', '"[""White"'), r"row 2, column 'ethnicity'.*damaged JSON"),
        (("df_participants.csv", "60<", "old"), r"row 3, column 'age', value 'old': not a level"),
    ],
)
def test_aligniverse_bad_input(fixtures: Path, tmp_path: Path, change: tuple[str, str, str], wanted: str) -> None:
    shutil.copytree(fixtures / "aligniverse", tmp_path, dirs_exist_ok=True)
    name, old, new = change
    text = (tmp_path / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new))
    with pytest.raises(DataError, match=wanted):
        ingest(load_study(tmp_path / "study.yaml").config)


@pytest.mark.parametrize(
    ("chosen", "level"),
    [
        (["she/her/hers"], "female"),
        (["he/him/his"], "male"),
        (["ey/em/eirs"], "non-binary"),
        (["per/pers/perself"], "non-binary"),
        (["she/her/hers", "he/him/his"], "non-binary"),
        (["she/they"], "non-binary"),
        (["she/her/hers", "she/her/hers"], "female"),
        ([], None),
        (["unheard"], "unheard"),
    ],
)
def test_pronouns(chosen: list[str], level: str | None) -> None:
    assert aligniverse_answers.gender(chosen) == level


def test_multiselects() -> None:
    assert aligniverse_answers.country(["United States of America", "Germany"]) is None
    assert aligniverse_answers.country(["Canada", "Germany"]) == "Germany"
    assert aligniverse_answers.country(["Canada", "France"]) is None
    assert (
        aligniverse_answers.ethnicity(["Middle Eastern or North African", "American Indian or Alaska Native"])
        == "other"
    )
    assert aligniverse_answers.ethnicity(["White", "Asian"]) == "other"
    assert [aligniverse_answers.political([t]) for t in ("Rather conservative", "Mitte", "Somewhat liberal")] == [
        "conservative", "moderate", "liberal",
    ]  # fmt: skip


def test_aligniverse_other_ids(fixtures: Path, tmp_path: Path) -> None:
    """Where question_id names the pair, prompt_id is the prompt."""
    shutil.copytree(fixtures / "aligniverse", tmp_path, dirs_exist_ok=True)
    for name in ("df_ratings.csv", "df_ratings_german.csv", "df_prompts.csv"):
        text = (tmp_path / name).read_text()
        header, rows = text.split("\n", 1)
        swapped = (
            header.replace("question_id", "other").replace("prompt_id", "question_id").replace("other", "prompt_id")
        )
        (tmp_path / name).write_text(f"{swapped}\n{rows}")
    made = ingest(load_study(tmp_path / "study.yaml").config)
    assert made.tables.items.set_index("item_id").loc["en-102", ["prompt_id", "response"]].tolist() == [
        "en-10", "She cooks.",
    ]  # fmt: skip


def test_dices(ingested: Reader, fixtures: Path) -> None:
    made = ingested("dices")
    assert ratings(made, "q_overall") == {("7", "1"): 1, ("7", "2"): 3, ("8", "1"): 2}
    assert ratings(made, "harm") == {("7", "1"): 1, ("7", "2"): 2, ("8", "1"): 1}
    assert people(made, "country") == {"7": "US", "8": "India"}
    assert made.tables.items["prompt"].tolist() == ["User: hi\nBot: hello"] * 2
    assert made.tables.items["prompt_id"].nunique() == 1
    older = ingested("dices", f"data.path={fixtures / 'dices' / '350.csv'}")
    assert ratings(older, "q_overall") == {("7", "1"): 1, ("8", "1"): 3}
    assert older.tables.participants["country"].isna().all()
    with pytest.raises(DataError, match=r"no column 'Q2_harmful_overall' .*Did you mean 'Q2_harmful_content_overall'"):
        ingested("dices", "data.columns.ratings.harm=Q2_harmful_overall")
    with pytest.raises(ConfigError, match="3 levels"):
        ingested("dices", "dimensions.harm={label: x}")


def test_prism(ingested: Reader) -> None:
    made = ingested("prism")
    assert ratings(made, "score") == {
        ("user0", "ut0"): 1,
        ("user0", "ut1"): 1,
        ("user0", "ut2"): 2,
        ("user1", "ut3"): 5,
    }
    assert people(made, "gender") == {"user0": "Female", "user1": None}
    assert people(made, "employment") == {"user0": "Student", "user1": None}
    assert people(made, "country") == {"user0": "United Kingdom", "user1": "United States"}
    items = made.tables.items.set_index("item_id")
    assert items.loc["ut0", ["prompt_id", "prompt", "response", "source"]].tolist() == [
        "int0",
        "NA",
        "Not available?",
        "a",
    ]
    assert items.loc["ut1", "response"] == "null"
    assert items.loc["ut2", "response"] is None
    assert entries(made, "dropped", "participants") == [1]
    assert entries(made, "dropped", "ratings") == [1]
    with pytest.raises(ConfigError, match="3 bins make 4 levels, not 5"):
        ingested("prism", "data.bins=[25, 50, 75]")


def test_popquorn(fixtures: Path, root: Path, tmp_path: Path) -> None:
    path = fixtures / "popquorn" / "raw_data.csv"
    config = load_study(root / "configs" / "popquorn.yaml", [f"data.path={path}", "factors.gender={}"]).config
    config = config.model_copy(update={"factors": {"gender": config.factors["gender"]}})
    made = ingest(config)
    assert ratings(made, "offensiveness") == {("0", "5"): 1, ("1", "5"): 2, ("0", "9"): 4}
    assert made.tables.items["response"].tolist() == ["Well, hello", "None"]
    assert made.tables.items["prompt_id"].tolist() == ["5", "9"]
    assert people(made, "occupation") == {"0": "Unemployed", "1": "Retired"}
    assert entries(made, "resolved", "ratings") == [1]
    text = path.read_text()
    (tmp_path / "gap.csv").write_text(text + "9,,x,1.0,Man,White,35-39,Unemployed,College degree\n")
    data = config.data.model_copy(update={"path": str(tmp_path / "gap.csv")})
    with pytest.raises(DataError, match=r"gap.csv, row 7: no id"):
        ingest(config.model_copy(update={"data": data}))
    with pytest.raises(ConfigError, match=r"no such dimension. Did you mean 'offensiveness'"):
        ingest(config.model_copy(update={"dimensions": {"offensivness": config.dimensions["offensiveness"]}}))


def test_sbic(fixtures: Path, root: Path) -> None:
    path = fixtures / "sbic" / "posts.csv"
    made = ingest(load_study(root / "configs" / "sbic.yaml", [f"data.path={path}"]).config)
    assert ratings(made, "intent") == {
        ("-7", "H1"): 4, ("-7", "H2"): 3, ("-7", "H3"): 2, ("8", "H3"): 1, ("9", "H3"): 1,
        ("9", "H1"): 1, ("9", "H4"): 1, ("10", "H4"): 4,
    }  # fmt: skip
    assert ("-7", "H2") not in ratings(made, "offensive")
    assert ratings(made, "offensive")["-7", "H3"] == 2
    assert ratings(made, "sexual")["-7", "H2"] == 2
    # Rows that repeat for a further stereotype do not outvote: twice man, once woman.
    assert people(made, "gender") == {"-7": "man", "8": None, "9": None, "10": "woman"}
    assert people(made, "age_band") == {"-7": "31-40", "8": None, "9": "over 60", "10": "18-30"}
    assert people(made, "ethnicity") == {"-7": "White", "8": "Hispanic", "9": None, "10": "White"}
    assert people(made, "political") == {"-7": "liberal", "8": "conservative", "9": "conservative", "10": "liberal"}
    assert entries(made, "merged", "rows") == [2]
    assert entries(made, "resolved", "gender") == [2]
    assert entries(made, "noticed", "posts") == [2]


def test_files_of_another_kind_are_named(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("rater_id,item_id,context\na,b,c\n", encoding="utf-8")
    config = "study: s\ndimensions: {score: {label: S, levels: 3}}\nfactors: {}\n"
    (tmp_path / "study.yaml").write_text(config, encoding="utf-8")
    for adapter, message in (("dices", "none, so this is no DICES"), ("prism", "no such folder; name the one")):
        settings = [f"data.adapter={adapter}", f"data.path={path}", "data.bins=[30.0, 60.0]"]
        study = load_study(tmp_path / "study.yaml", settings)
        with pytest.raises(DataError, match=message):
            ingest(study.config)
