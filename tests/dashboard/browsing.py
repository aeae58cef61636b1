"""A dashboard process and a real browser: shared by the browser tests and by benchmarks/dashboard.py."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

from plural_core.figures.export import browser_path

QUIET = (
    "() => { const app = document.querySelector('[data-testid=stApp]'); return app"
    " && app.getAttribute('data-test-script-state') === 'notRunning'"
    " && !document.querySelector('[data-stale=true]') && document.querySelector('h1')"
    " && [...document.querySelectorAll('[class*=st-key-figure-]')].every((e) => e.querySelector('.main-svg')) }"
)
"""Whether the app has run to its end and shows what it ran, figures included."""


@contextlib.contextmanager
def dashboard(results: Path, *names: str, log: Path) -> Iterator[str]:
    """Start ``plural dashboard`` for a folder of results; yield its address."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "plural_core", "dashboard", *names, "--port", str(port), "--headless"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=results.parent,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    address = f"http://localhost:{port}"
    try:
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, OSError):
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read() == b"ok":
                return
        time.sleep(0.2)
    raise RuntimeError(f"the dashboard did not start: {log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the installed Chromium with a profile of its own."""
    path = browser_path()
    if path is None:
        raise RuntimeError("no Chrome or Chromium was found")
    root = os.name == "posix" and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if root else [])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page whose console errors, failed answers and requests to elsewhere are kept."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address = address
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self._console(m.type, m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(f"page error: {e}"))
        self.page.on("response", self._response)
        self.page.on("request", lambda r: self._request(r.url))

    def _console(self, kind: str, text: str) -> None:
        # What failed to load is told by the answer itself, with its address.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.complaints.append(f"console: {text}")

    def _response(self, response: Response) -> None:
        # Streamlit looks for its server below the page's own path first; that this is not there is its answer.
        probing = response.url.endswith(("/_stcore/health", "/_stcore/host-config"))
        if response.status >= 400 and not probing:
            self.complaints.append(f"{response.status}: {response.url}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:", self.address.replace("http", "ws"))):
            self.complaints.append(f"request to elsewhere: {url}")

    def open(self, path: str) -> None:
        """Open an address below the dashboard's and wait until it stands still."""
        self.page.goto(f"{self.address}/{path}")
        self.settle()

    def settle(self, timeout: float = 90_000) -> None:
        """Wait until the app has run and shows what it ran."""
        self.page.wait_for_timeout(120)
        self.page.wait_for_function(QUIET, timeout=timeout)

    @property
    def text(self) -> str:
        """The text of the main part of the page."""
        return str(self.page.locator("[data-testid=stMain]").inner_text())

    def whole(self, path: Path) -> None:
        """Take a picture of the whole page."""
        width = self.page.viewport_size["width"] if self.page.viewport_size else 1280
        before = self.page.viewport_size
        height = self.page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": width, "height": min(int(height) + 20, 12_000)})
        self.page.wait_for_timeout(700)
        self.page.screenshot(path=str(path))
        if before:
            self.page.set_viewport_size(before)
