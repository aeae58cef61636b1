"""Page 9: a visitor's own ratings, in memory, for that visitor only."""

import hashlib
from html import escape
from typing import Any

import streamlit as st
from ui import limits
from ui.browser import is_narrow
from ui.filters import Filters
from ui.frame import FRAME, YOURS, show_without_study
from ui.page import Page, alert, bullets

from plural_core.dashboard.upload import analysis, example, gate, guess, setup
from plural_core.dashboard.views import disagreement, effects, raters
from plural_core.dashboard.words import Words
from plural_core.errors import PluralError
from plural_core.ratings.raw import RawTable


def body(words: Words) -> None:
    """Lay out the page."""
    w = words
    st.html(
        f"<p>{escape(w('yours.what'))}</p>"
        + bullets(
            [
                w("yours.limits", megabytes=gate.MOST_BYTES // 2**20, rows=w.count(gate.MOST_ROWS)),
                w("yours.memory"),
                w("yours.layout"),
            ]
        )
    )
    st.download_button(
        w("yours.example"), example.example_csv, "example_ratings_simulated.csv", "text/csv", on_click="ignore",
        icon=":material/download:", key="example",
    )  # fmt: skip
    file = st.file_uploader(
        w("yours.file"), type=list(gate.ENDINGS), key="upload", max_upload_size=gate.MOST_BYTES // 2**20
    )
    if file is None:
        st.session_state.pop(YOURS, None)
        return
    try:
        upload, raw = _let_in(file.name, file.getvalue())
    except gate.Refused as refused:
        alert("error", w("yours.refused.title"), w(f"yours.refused.{refused.key}", **refused.values))
        return
    except PluralError as error:
        alert("error", w("yours.unreadable"), str(error))
        return
    st.html(f"<p>{escape(w('yours.read', rows=w.count(len(raw)), columns=w.count(len(raw.columns))))}</p>")
    mapping = _mapping(w, raw)
    if mapping is None:
        return
    _analysed(w, upload, raw, mapping)


def _let_in(name: str, data: bytes) -> tuple[gate.Upload, RawTable]:
    """Check and read a file once; it stays in this visitor's session only."""
    digest = hashlib.sha256(data).hexdigest() + name
    held = st.session_state.get(YOURS)
    if held is None or held["digest"] != digest:
        held = {"digest": digest, "read": gate.let_in(name, data)}
        st.session_state[YOURS] = held
    return held["read"]


def _mapping(w: Words, raw: RawTable) -> guess.Mapping | None:
    """Ask what the columns hold; return None until the visitor has sent the form."""
    held = st.session_state[YOURS]
    if "guess" not in held:
        held["guess"] = guess.guess(raw)
    found: guess.Mapping = held["guess"]
    some = ["", *raw.columns]

    def pick(name: str, value: str, required: bool = False) -> str:
        options = raw.columns if required else some
        at = options.index(value) if value in options else 0
        return st.selectbox(
            w(f"yours.columns.{name}"), options, at, key=f"map-{name}", help=w(f"yours.help.{name}"),
            format_func=lambda c: c or w("yours.no_column"), filter_mode="contains",
        )  # fmt: skip

    st.html(f"<h2>{escape(w('yours.mapping'))}</h2><p>{escape(w('yours.mapping_intro'))}</p>")
    layouts = {"wide": w("yours.wide"), "long": w("yours.long")}
    layout = st.segmented_control(
        w("yours.layout_label"), list(layouts), format_func=layouts.__getitem__, key="map-layout", required=True,
        default="long" if found.long else "wide",
    )  # fmt: skip
    with st.form("mapping"):
        left, right = st.columns(2)
        with left:
            participant = pick("participant", found.participant, required=True)
            item = pick("item", found.item)
            prompt = pick("prompt", found.prompt)
            response = pick("response", found.response)
        with right:
            if layout == "long":
                rating = pick("rating", found.rating or (found.ratings[0] if found.ratings else ""), required=True)
                dimension = pick("dimension", found.dimension)
                ratings: list[str] = []
            else:
                rating = dimension = ""
                ratings = st.multiselect(
                    w("yours.columns.ratings"), raw.columns, list(found.ratings), key="map-ratings",
                    help=w("yours.help.ratings"),
                )  # fmt: skip
            factors = st.multiselect(
                w("yours.columns.factors"), raw.columns, list(found.factors), key="map-factors",
                help=w("yours.help.factors"),
            )  # fmt: skip
            named = list(guess.long_scales(raw, dimension, rating)[0]) if layout == "long" else ratings
            levels = st.number_input(
                w("yours.columns.levels"), 0, 100, 0, key="map-levels", help=w("yours.help.levels")
            )
            bad = st.multiselect(
                w("yours.columns.bad"), sorted({*named, *found.bad, *found.levels}),
                [b for b in found.bad if b in {*named, *found.levels}], key="map-bad", help=w("yours.help.bad"),
            )  # fmt: skip
        sent = st.form_submit_button(w("yours.analyse"), type="primary", icon=":material/play_arrow:")
    if sent:
        if layout == "long":
            sizes, lowest = guess.long_scales(raw, dimension, rating)
        else:
            scales = {name: guess.scale_of(raw, name) for name in ratings}
            sizes = {name: top - low + 1 for name, (low, top) in scales.items()}
            lowest = {name: low for name, (low, _) in scales.items()}
        if levels:
            sizes = dict.fromkeys(sizes, int(levels))
        held["mapping"] = guess.Mapping(
            participant, item, tuple(ratings), dimension, rating, tuple(factors), prompt, response,
            found.prompt_id if found.prompt_id not in (item, participant) else "", found.language, sizes, lowest,
            frozenset(bad),
        )  # fmt: skip
        for name in ("data", "result", "fits", "error"):
            held.pop(name, None)
    return held.get("mapping")


def _analysed(w: Words, upload: gate.Upload, raw: RawTable, mapping: guess.Mapping) -> None:
    held = st.session_state[YOURS]
    try:
        if "result" not in held:
            held["data"] = setup.config_data(mapping, raw, setup.study_name(upload.name))
            with st.spinner(w("yours.working")):
                read = analysis.read_upload(upload, held["data"])
                held["result"] = (read, analysis.agreement_tables(read))
    except PluralError as error:
        alert("error", w("yours.invalid"), str(error))
        return
    read, tables = held["result"]
    frame = st.session_state[FRAME]
    alert("info", w("yours.valid_title"), _size(w, read))
    st.download_button(
        w("yours.config"), setup.config_yaml(held["data"]), f"{held['data']['study']}.yaml", "application/yaml",
        key="config", on_click="ignore", icon=":material/download:", help=w("yours.config_help"),
    )  # fmt: skip
    view = analysis.memory_view(read, w, tables)
    page = Page(view, Filters(w, "y.", frame.printing), "", "y.", frame.dark, is_narrow(), frame.printing, private=True)
    page.say(read.people.sentence, "note")
    page.panel(raters.ingest)
    page.panel(disagreement.rates)
    page.panel(disagreement.alpha)
    with page.choices("measure") as choose:
        dimension = choose.one("dimension", view.dimensions)
        measure = choose.one("measure", {m: w(f"options.{m}") for m in disagreement.MEASURES})
    page.panel(disagreement.by_group, dimension, measure)
    comparable = disagreement.comparable(view)
    if comparable:
        with page.choices("pair") as choose:
            factor = choose.one("factor", {f: view.factor_label(f) for f in comparable}, clears=("group_a", "group_b"))
            groups = view.groups(factor)
            a = choose.one("group_a", {g: g for g in groups})
            b = choose.one("group_b", {g: g for g in groups if g != a})
        page.panel(disagreement.between, factor, a, b)
    if len(view.dimensions) > 1:
        page.panel(disagreement.cooccurrence)
    _effects(w, page, read, tables)
    page.glossary()


def _effects(w: Words, page: Page, read: analysis.Read, tables: dict[str, Any]) -> None:
    held = st.session_state[YOURS]
    if read.ratings_per_dimension > analysis.MOST_TO_FIT:
        alert("info", w("yours.too_large_title"), w("yours.too_large", most=w.count(analysis.MOST_TO_FIT)))
        return
    if "fits" not in held:
        with st.spinner(w("yours.fitting")), limits.one_fit_at_a_time():
            held["fits"] = analysis.effect_tables(read)
    made, fitted = held["fits"]
    if not fitted.fits:
        alert("info", w("yours.no_fit_title"), "; ".join(dict.fromkeys(fitted.failed.values())))
        return
    view = analysis.memory_view(read, w, {**tables, **made})
    inner = Page(
        view, page.filters, "", page.prefix, page.dark, page.narrow, page.printing, terms=page.terms, private=True
    )
    compared = view.compared
    with inner.choices("effects") as choose:
        effect_factor = choose.one("effect_factor", {f: view.factor_label(f) for f in compared}, label="filters.factor")
        reference = choose.one("reference", {g: g for g in compared[effect_factor]}, term="reference")
        scale = choose.one("scale", {s: w(f"options.{s}") for s in effects.SCALES}, term="odds_ratio")
    inner.panel(effects.forest, tuple(made["effects_demographic"]["dimension"].unique()), tuple(compared),
                ((effect_factor, reference),), scale)  # fmt: skip
    inner.panel(effects.shares, next(iter(fitted.fits)), tuple(compared))
    notes = fitted.describe_notes()
    if notes:
        page.say(notes, "note")


def _size(w: Words, read: analysis.Read) -> str:
    n = len(read.tables.participants)
    people = w.count(n) if n >= read.people.k else w("privacy.fewer", k=read.people.k)
    return w(
        "yours.valid", ratings=w.count(len(read.tables.ratings)), people=people, items=w.count(len(read.tables.items))
    )


show_without_study(body)
