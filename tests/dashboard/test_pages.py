"""Each page's logic, through Streamlit's own AppTest: no browser, the real scripts, real results folders."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from plural_core.dashboard.studies import ENVIRONMENT, Shelf
from plural_core.dashboard.upload.example import example_csv
from plural_core.dashboard.words import Words, texts
from plural_core.io import read_table, write_table
from plural_core.study import Study
from tests.dashboard.results import mark_failed, truncate

PAGES = (
    *("overview", "raters", "disagreement", "effects", "tuning", "compare", "audit", "reproduction", "yours", "runs"),
)
ERROR = texts("en")["states.error"].split("{")[0].strip()

Open = Callable[..., AppTest]


@pytest.fixture
def open_page(root: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a page of the app for a results folder, with an address."""

    def open_(page: str = "overview", results: Path = shelf, **query: str | list[str]) -> AppTest:
        monkeypatch.setenv(ENVIRONMENT, Shelf((), results).to_environment())
        app = AppTest.from_file(str(root / "dashboard" / "app.py"), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        if page == "overview":
            return app.run()
        return app.switch_page(f"app_pages/{page}.py").run()

    return open_


def text_of(app: AppTest) -> str:
    """Everything that a page says in HTML, as text."""
    parts = [str(h.value) for h in app.html if "<style>" not in str(h.value)]
    return unescape(re.sub(r"<[^>]+>", " ", " ".join(parts)))


def raw_of(app: AppTest) -> str:
    return " ".join(str(h.value) for h in app.html if "<style>" not in str(h.value))


def sound(app: AppTest) -> None:
    assert not app.exception
    assert ERROR not in text_of(app)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_in_both_languages(page: str, language: str, open_page: Open) -> None:
    app = open_page(page, study="tiny", lang=language)
    sound(app)
    w, text = Words(language), text_of(app)
    assert w(f"pages.{page}") in text
    if page != "yours":
        assert w("simulated.mark") in text


@pytest.mark.parametrize("page", [p for p in PAGES if p != "yours"])
def test_a_study_of_people_is_not_marked_as_simulated_and_what_it_lacks_is_said(page: str, open_page: Open) -> None:
    app = open_page(page, study="own")
    sound(app)
    assert "Simulated data" not in text_of(app)


def test_hostile_texts_stay_texts(open_page: Open) -> None:
    app = open_page("disagreement", study="own", factor="political")
    sound(app)
    assert "<script>" not in raw_of(app)
    assert "Own *study* <script>alert(1)</script>" in text_of(app)
    assert "<img" not in raw_of(app)
    for element in (*app.markdown, *app.caption):
        assert "onerror" not in element.value


def test_numbers_on_the_page_are_those_of_the_tables(open_page: Open, tiny: Study) -> None:
    w = Words("en")
    text = text_of(open_page("disagreement", study="tiny"))
    rates = read_table(tiny.table("disagreement"))
    for rate in rates.loc[rates["factor"] == "all", "rate"]:
        assert w.percent(rate) in text
    effects = read_table(tiny.table("effects_demographic"))
    text = text_of(open_page("effects", study="tiny", dimension="all", published="0"))
    for change in effects["percent_change"].dropna():
        assert w.change(change) in text
    german = text_of(open_page("disagreement", study="tiny", lang="de"))
    assert Words("de").percent(rates.loc[rates["factor"] == "all", "rate"].iloc[0]) in german


def test_filters_come_from_the_address_and_go_into_it(open_page: Open) -> None:
    app = open_page(
        "effects", study="tiny", dimension="sensitivity", factor="age_band", reference="41-50", scale="odds"
    )
    sound(app)
    assert app.selectbox(key="filter_dimension").value == "sensitivity"
    assert app.get_by_key("filter_reference").value == "41-50"
    assert "18-30 vs 41-50" in str(app.get("plotly_chart")[0].proto)
    app.selectbox(key="filter_dimension").select("helpfulness").run()
    assert app.query_params["dimension"] == "helpfulness"
    app.selectbox(key="filter_factor").select("political").run()
    assert "reference" not in app.query_params  # it belonged to the other factor
    sound(app)


def test_addresses_that_ask_for_nonsense_get_the_usual_view(open_page: Open) -> None:
    app = open_page(
        "effects", study="tiny", dimension="<script>", factor="x' OR 1=1", reference="?", scale="no", slice_a="nobody"
    )
    sound(app)
    assert app.selectbox(key="filter_dimension").value == "toxicity"
    app = open_page("overview", study="nothing")
    sound(app)
    assert "There is no study called “nothing” here" in text_of(app)


def test_every_value_of_every_filter_gives_a_sound_page(open_page: Open) -> None:
    """Each filter of each page once through all its values, the others as they are."""
    for page in [p for p in PAGES if p not in ("yours", "overview")]:
        app = open_page(page, study="tiny")
        keys = [s.key for s in (*app.selectbox, *app.segmented_control) if str(s.key).startswith("filter_")]
        for key in keys:
            widgets = {s.key: s for s in (*app.selectbox, *app.segmented_control)}
            if key not in widgets:
                continue
            values = list(app.session_state[key] and widgets[key].options)
            for value in values[:3]:
                again = {s.key: s for s in (*app.selectbox, *app.segmented_control)}.get(key)
                if again is None or value not in again.options:
                    continue
                again.set_value(value).run()
                sound(app)


def test_two_studies_stand_side_by_side_with_filters_of_their_own(open_page: Open) -> None:
    app = open_page("disagreement", study="tiny", beside="own", **{"b.dimension": "emotional_awareness"})
    sound(app)
    text = text_of(app)
    assert "A tiny simulated study" in text and "Own *study*" in text
    assert app.selectbox(key="filter_dimension").value == "toxicity"
    assert "emotional_awareness" in [s.value for s in (*app.selectbox, *app.segmented_control)]


def test_the_print_view_opens_everything_and_has_no_filters(open_page: Open) -> None:
    app = open_page("effects", study="tiny", dimension="sensitivity", view="print")
    sound(app)
    text = text_of(app)
    assert "Dimension: Sensitivity and openness" in text
    assert "arXiv:2511.14476" in text
    assert "Terms on this page" in text
    assert not app.selectbox and not app.expander and not app.download_button
    assert [b.label for b in app.button] == ["Back to the dashboard"]
    app.button[0].click().run()
    assert "view" not in app.query_params
    assert app.selectbox


def test_links_and_the_citation_can_be_copied(open_page: Open) -> None:
    raw = unescape(raw_of(open_page("effects", study="tiny", dimension="sensitivity")))
    assert 'data-copy-link="{"study": "tiny", "lang": "en"}"' in raw
    assert len(re.findall(r"data-copy=", raw)) == 1


def test_findings_name_their_notebook_and_the_overview_what_is_missing(
    open_page: Open, copied: Callable[..., Study]
) -> None:
    study = copied("tiny")
    mark_failed(study, "13_pool", "plural: row 3, column 'participant_id', value 'p7': secret\n")
    app = open_page("overview", results=study.root.parent)
    sound(app)
    text = text_of(app)
    assert "Raters disagree about" in text
    assert "Pooled effects: failed" in text
    assert "p7" not in text + text_of(open_page("runs", results=study.root.parent))
    assert any("Read: Disagreement" in str(p.proto) for p in app.get("page_link"))


# -- states ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_no_results_at_all(page: str, open_page: Open, tmp_path: Path) -> None:
    app = open_page(page, results=tmp_path / "results")
    sound(app)
    if page != "yours":
        assert "There is no study to show yet" in text_of(app)
        assert "plural run" in text_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_half_the_results(page: str, open_page: Open, copied: Callable[..., Study]) -> None:
    """Only the tables of ratings and one notebook: every page says what is missing and who makes it."""
    study = copied("tiny")
    kept = {"ratings", "items", "participants", "ingest", "disagreement"}
    for path in study.tables.glob("*.parquet"):
        if path.stem not in kept:
            path.unlink()
    for path in (*study.findings.glob("*"), *(study.report / "notebooks").glob("*")):
        path.unlink()
    app = open_page(page, results=study.root.parent)
    sound(app)
    if page in ("effects", "tuning", "audit", "reproduction"):
        assert "Not there yet" in text_of(app)
        assert "plural run CONFIG" in text_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_truncated_tables(page: str, open_page: Open, copied: Callable[..., Study]) -> None:
    study = copied("tiny")
    for path in study.tables.glob("*.parquet"):
        truncate(path)
    for path in (study.report / "notebooks").glob("*"):
        truncate(path)
    app = open_page(page, results=study.root.parent)
    sound(app)
    assert "Traceback" not in text_of(app)


@pytest.mark.parametrize("name", ["disagreement", "alpha", "rank_agreement", "cooccurrence"])
def test_one_truncated_table_costs_one_panel_only(name: str, open_page: Open, copied: Callable[..., Study]) -> None:
    study = copied("tiny")
    truncate(study.table(name))
    app = open_page("disagreement", results=study.root.parent)
    sound(app)
    text = text_of(app)
    assert "A file is damaged" in text
    assert f"tiny/tables/{name}.parquet" in text
    assert str(study.root) not in text
    assert "Which judgements go together" in text or name == "cooccurrence"


def test_a_config_that_cannot_be_read(open_page: Open, copied: Callable[..., Study]) -> None:
    study = copied("tiny")
    (study.root / "config.yaml").write_text("study: tiny\nunknown: 1\n", encoding="utf-8")
    app = open_page("effects", results=study.root.parent)
    sound(app)
    assert "This study cannot be opened" in text_of(app)


def test_a_stricter_k_holds_back_what_was_made_under_another(open_page: Open, copied: Callable[..., Study]) -> None:
    study = copied("own")
    config = (study.root / "config.yaml").read_text(encoding="utf-8")
    (study.root / "config.yaml").write_text(config.replace("  k: 10", "  k: 40"), encoding="utf-8")
    for page in ("raters", "disagreement", "runs"):
        text = text_of(open_page(page, results=study.root.parent))
        assert "another privacy setting" in text
    app = open_page("runs", results=study.root.parent, notebook="01_quality")
    assert not app.get("plotly_chart")
    assert "Notebooks are held back" in text_of(app)


def test_new_results_show_at_the_next_click(open_page: Open, copied: Callable[..., Study]) -> None:
    study = copied("tiny")
    app = open_page("disagreement", results=study.root.parent)
    table = read_table(study.table("disagreement"))
    overall = (table["dimension"] == "overall") & (table["factor"] == "all")
    write_table(table.assign(rate=table["rate"].mask(overall, 0.4321)), study.table("disagreement"))
    app.run()
    assert "43.2%" in text_of(app)


# -- notebooks and uploads ---------------------------------------------------------------------------------------


def test_notebooks_are_read_in_place(open_page: Open) -> None:
    app = open_page("runs", study="tiny", notebook="02_disagreement")
    sound(app)
    assert any("### Disagreement" in m.value for m in app.markdown)
    assert len(app.get("plotly_chart")) == 1
    assert "secret_code" not in str(app)


def test_an_upload_is_analysed_and_forgotten(open_page: Open) -> None:
    app = open_page("yours")
    app.file_uploader[0].set_value(("mine.csv", example_csv(), "text/csv")).run()
    sound(app)
    assert "The file has 600 rows and 11 columns." in text_of(app)
    app.button[0].click().run()
    sound(app)
    text = text_of(app)
    assert "1,200 ratings by 120 people of 192 answers." in text
    assert "Who rates differently" in text
    assert "Simulated data" not in text
    participants = set(pd.read_csv(__import__("io").BytesIO(example_csv()))["participant_id"])
    assert not any(p in raw_of(app) for p in participants)
    app.switch_page("app_pages/overview.py").run()
    assert "plural_upload" not in app.session_state


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"PK\x03\x04", "spreadsheet or zip"),
        ("a.parquet", b"\x80\x04K\x01.", "pickle"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "row 3"),
        ("a.csv", b"", "empty"),
    ],
)
def test_bad_uploads_get_their_message(name: str, data: bytes, words: str, open_page: Open) -> None:
    app = open_page("yours")
    app.file_uploader[0].set_value((name, data, "text/csv")).run()
    sound(app)
    assert words in text_of(app)
