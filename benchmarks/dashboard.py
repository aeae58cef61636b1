"""How quick the dashboard is in a real browser: ``python -m benchmarks.dashboard``.

Measured are the first page (a new browser profile, the server warm), a changed filter (from the click until the new
figures stand), both at the study's size and with one million ratings, and ten visitors at once for one minute. The
numbers hold for server and browsers sharing one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from plural_core.agreement import (
    alpha_table,
    between_table,
    cooccurrence_table,
    disagreement_table,
    rank_agreement_table,
    topic_tables,
)
from plural_core.figures.export import browser_path
from plural_core.ratings.privacy import protect
from plural_core.ratings.quality import quality_report
from plural_core.study import Study, load_study
from plural_core.workflow.build import build_tables
from plural_core.workflow.command import write_config
from plural_core.workflow.project import project_folder
from tests.dashboard.browsing import QUIET, chromium, dashboard
from tests.dashboard.results import make_results, save

MILLION = 40_000
"""Participants of the large study: 25 ratings each."""
ROUNDS = 7
FIRST_PAGE, FILTER, FILTER_MILLION = 2.0, 0.3, 1.0

# Resolves with the milliseconds from the next press to the moment when new sentences stand and nothing runs.
CLICK_TO_STILL = f"""
() => new Promise((done) => {{
  const still = {QUIET};
  const words = () => [...document.querySelectorAll(".plural-reading")].map((e) => e.textContent).join("|");
  const before = words();
  document.addEventListener("pointerdown", () => {{
    const start = performance.now();
    const look = () => (words() !== before && still() ? done(performance.now() - start) : requestAnimationFrame(look));
    look();
  }}, {{ once: true, capture: true }});
}})
"""
FILTERS = {
    "disagreement, dimension": ("disagreement", "dimension"),
    "disagreement, group": ("disagreement", "factor"),
    "effects, dimension": ("effects", "dimension"),
    "effects, reference level": ("effects?factor=age_band", "reference"),
    "effects, two-factor slice": ("effects", "slice_a"),
}


def study_size(results: Path) -> Study:
    """Make the results of a study of the paper's size."""
    settings = ["study=study", "agreement.bootstrap=100"]
    return make_results(load_study(project_folder() / "configs" / "demo.yaml", settings, results=results))


def million(results: Path, small: Study) -> Study:
    """Make a study with one million ratings. Its models' tables, which do not grow with them, are the small one's."""
    settings = ["study=million", f"simulation.participants={MILLION}", "agreement.bootstrap=0"]
    study = load_study(project_folder() / "configs" / "demo.yaml", settings, results=results)
    write_config(study)
    tables, config = build_tables(study), study.config
    people = protect(tables.participants, config.factors, config.privacy.k)
    rng = np.random.default_rng(1)
    report, topics = quality_report(tables, config, people), topic_tables(tables, config, people, rng)
    made = {
        "levels": people.merges,
        "slices": people.slices(),
        "quality": report.quality,
        "coverage": report.coverage,
        "scale_use": report.scale_use,
        "disagreement": disagreement_table(tables, config, people),
        "alpha": alpha_table(tables, config, people),
        "between_groups": between_table(tables, config, people),
        "rank_agreement": rank_agreement_table(tables, config, people),
        "topics": topics.topics,
        "topic_differences": topics.differences,
        "cooccurrence": cooccurrence_table(tables, config),
    }
    for name, table in made.items():
        save(study, name, table, "benchmark")
    for name in ("effects_demographic", "vcov_demographic", "marginal_probabilities", "variance_shares"):
        shutil.copy(small.table(name), study.table(name))
    shutil.copytree(small.findings, study.findings, dirs_exist_ok=True)
    return study


def first_page(address: str, study: str) -> list[float]:
    """Return seconds until the first page stands, each time with a new browser profile."""
    seconds = []
    with chromium() as browser:
        for _ in range(ROUNDS):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            start = time.perf_counter()
            page.goto(f"{address}/?study={study}")
            page.wait_for_function(QUIET, timeout=120_000)
            seconds.append(time.perf_counter() - start)
            context.close()
    return seconds


def filters(address: str, study: str) -> dict[str, list[float]]:
    """Return for each filter the seconds that each of its values takes, the first time that it is asked for."""
    found: dict[str, list[float]] = {}
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        for name, (path, key) in FILTERS.items():
            page.goto(f"{address}/{path}{'&' if '?' in path else '?'}study={study}")
            page.wait_for_function(QUIET, timeout=120_000)
            page.wait_for_timeout(1500)
            found[name] = []
            for value in range(1, 4):
                holder = page.locator(f".st-key-filter_{key}")
                if not holder.locator("input").count():  # a few options side by side
                    buttons = holder.locator("[role=radio]:not([aria-checked=true])")
                    if buttons.count() < value:
                        break
                    target = buttons.nth(value - 1)
                else:
                    holder.scroll_into_view_if_needed()
                    page.wait_for_timeout(300)
                    holder.get_by_role("combobox").first.focus()
                    page.keyboard.press("ArrowDown")
                    page.get_by_role("option").first.wait_for()
                    free = page.locator("[role=option]:not([aria-selected=true])")
                    if free.count() < value:
                        page.keyboard.press("Escape")
                        break
                    target = free.nth(value - 1)
                waiting = page.evaluate_handle(f"() => {{ window.measured = ({CLICK_TO_STILL})(); }}")
                target.click()
                found[name].append(float(page.evaluate("() => window.measured")) / 1000)
                waiting.dispose()
                page.wait_for_timeout(300)
    return {name: values for name, values in found.items() if values}


async def visitors(address: str, study: str, number: int, seconds: float) -> tuple[list[float], int]:
    """Let visitors turn pages and change filters at once; return the seconds of each act, and the errors."""
    from playwright.async_api import async_playwright

    acts: list[float] = []
    errors = 0

    async def one(browser, seed: int) -> None:  # type: ignore[no-untyped-def]
        nonlocal errors
        rng = random.Random(seed)
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda e: faults.append(str(e)))
        until = time.perf_counter() + seconds
        await page.goto(f"{address}/disagreement?study={study}")
        await page.wait_for_function(QUIET, timeout=120_000)
        while time.perf_counter() < until:
            await page.wait_for_timeout(rng.uniform(1000, 3000))
            if rng.random() < 0.3:
                target = page.get_by_role(
                    "link", name=rng.choice(["Disagreement", "Demographic effects", "Raters and data"])
                )
            else:
                box = page.locator(".st-key-filter_dimension, .st-key-filter_factor").get_by_role("combobox").first
                if not await box.count():
                    continue
                await box.scroll_into_view_if_needed()
                await page.wait_for_timeout(300)
                await box.focus()
                await page.keyboard.press("ArrowDown")
                options = page.get_by_role("option")
                await options.first.wait_for()
                target = options.nth(rng.randrange(max(await options.count(), 1)))
            start = time.perf_counter()
            await target.click()
            await page.wait_for_timeout(50)
            await page.wait_for_function(QUIET, timeout=60_000)
            acts.append(time.perf_counter() - start - 0.05)
            if await page.locator(".plural-error, [data-testid=stException]").count():
                faults.append("an error is shown")
        errors += len(faults)
        await context.close()

    path = browser_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        await asyncio.gather(*(one(browser, seed) for seed in range(number)))
        await browser.close()
    return acts, errors


def row(name: str, seconds: Iterable[float], target: float | None = None) -> str:
    """Return a line of the table."""
    values = sorted(seconds)
    middle, worst = statistics.median(values), values[-1]
    late = values[min(len(values) - 1, int(0.95 * len(values)))]
    aim = f"{target:g} s" if target is not None else "–"
    return f"| {name} | {middle:.2f} s | {late:.2f} s | {worst:.2f} s | {len(values)} | {aim} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--no-million", action="store_true", help="leave out the study with one million ratings")
    parser.add_argument("--folder", type=Path, help="keep (or find) the studies here")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    results = folder / "results"
    if not (results / "study" / "config.yaml").is_file():
        print("Making a study of the paper's size ...", flush=True)
        small = study_size(results)
    else:
        small = load_study(results / "study" / "config.yaml", results=results)
    names = ["study"]
    if not arguments.no_million:
        names.append("million")
        if not (results / "million" / "config.yaml").is_file():
            print("Making a study with one million ratings ...", flush=True)
            million(results, small)
    print(f"{platform.platform()}, Python {platform.python_version()}\n")
    print("| | median | 95 % | worst | n | target |\n| --- | --- | --- | --- | --- | --- |")
    with dashboard(results, log=folder / "dashboard.log") as address:
        first_page(address, "study")  # the server's own first run
        for name in names:
            print(row(f"{name}: first page", first_page(address, name), FIRST_PAGE), flush=True)
            for what, seconds in filters(address, name).items():
                print(row(f"{name}: {what}", seconds, FILTER if name == "study" else FILTER_MILLION), flush=True)
        acts, errors = asyncio.run(visitors(address, "study", arguments.visitors, arguments.seconds))
        print(row(f"{arguments.visitors} visitors at once, {arguments.seconds:g} s", acts), flush=True)
        print(f"\nErrors: {errors}")
    if arguments.folder is None:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
