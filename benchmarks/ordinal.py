"""Cumulative link mixed models: seconds and memory, with R's ordinal beside them.

    python -m benchmarks.ordinal                 everything but R at full size
    python -m benchmarks.ordinal study instEval  named rows only (see --list)
    python -m benchmarks.ordinal --r-full        R at study size as well (about 18 minutes)

Every row runs in a process of its own with one thread; memory is that process's peak resident set. Seconds are wall
time of the fit with standard errors, without imports and without making the data.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
R_STUDY_SECONDS = 1091.0  # R 4.2.2, ordinal 2022.11-16, same design: measured once, quoted
R_SMALL_SECONDS = 20.7  # likewise, 1,500 ratings
MEMORY_LIMIT = 6 * 2**30  # bytes of address space for a row
INSTEVAL = "y ~ service + studage + (1 | s) + (1 | d)"


# ---- what a worker measures ---------------------------------------------------------------------
class Clock:
    """Seconds spent inside `with clock():` blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start


def _study(clock: Clock, participants: int, items: int, fits: int = 1, seed: int = 1) -> dict[str, Any]:
    from benchmarks import designs
    from plural_core.ordinal import clmm

    note: dict[str, Any] = {}
    for k in range(fits):
        data = designs.study(participants, items, seed=seed + k)
        with clock():
            fit = clmm(designs.FORMULA, data, reference=designs.REFERENCE)
        note = {
            "n": fit.n_obs,
            "loglik": fit.loglik,
            "evaluations": fit.optimizer.evaluations,
            "gradient": fit.optimizer.gradient_norm,
            "converged": fit.optimizer.converged,
        }
    return note


def _insteval(clock: Clock) -> dict[str, Any]:
    import pandas as pd

    from plural_core.ordinal import clmm

    data = pd.read_csv(_insteval_path(), dtype=dict.fromkeys(("s", "d", "studage", "service"), str))
    with clock():
        fit = clmm(INSTEVAL, data)
    return {
        "n": fit.n_obs,
        "loglik": fit.loglik,
        "evaluations": fit.optimizer.evaluations,
        "gradient": fit.optimizer.gradient_norm,
        "converged": fit.optimizer.converged,
    }


def _insteval_path() -> Path:
    folder = os.environ.get("PLURAL_REAL_DATA")
    path = Path(folder or ".") / "classic" / "InstEval.csv.gz"
    if not folder or not path.exists():
        raise FileNotFoundError("InstEval needs PLURAL_REAL_DATA, a folder with classic/InstEval.csv.gz")
    return path


def _power(clock: Clock, n_sim: int = 100) -> dict[str, Any]:
    """A simulation-based power analysis of the study's design: simulate, refit, test, n_sim times."""
    from benchmarks import designs
    from plural_core.ordinal import clmm

    detected = 0
    for seed in range(n_sim):
        data = designs.study(seed=seed)
        with clock():
            fit = clmm(designs.FORMULA, data, reference=designs.REFERENCE)
        detected += bool(fit.coefficients.loc["gendermale", "p_value"] < 0.05)
    return {"n": len(data), "fits": n_sim, "power of -18 % (gendermale)": detected / n_sim}


ROWS: dict[str, tuple[str, str, Callable[[Clock], dict[str, Any]]]] = {
    # name: (what, target, worker)
    "small": ("1,500 ratings, 300 x 1,500, 13 effects", "<= 0.3 s", lambda c: _study(c, 300, 1500)),
    "study": ("study size: 5,475 ratings, 1,095 x 1,761, 13 effects", "<= 3 s", lambda c: _study(c, 1095, 1761)),
    "five": ("study size, five dimensions (five fits)", "<= 15 s", lambda c: _study(c, 1095, 1761, fits=5)),
    "instEval": ("InstEval: 73,421 ratings, 2,972 x 1,128", "<= 20 s, < 1.5 GB", _insteval),
    "power": ("power analysis, study design, 100 simulated fits", "<= 300 s", _power),
    **{
        f"grow{k}k": (
            f"{k},000 ratings, 5 a person, 3.1 an item ({k * 200:,} x {round(k * 1000 / 3.1):,})",
            "near-linear",
            lambda c, k=k: _study(c, k * 200, round(k * 1000 / 3.1)),
        )
        for k in (5, 20, 80, 300)
    },
    **{
        f"fixed{k}k": (
            f"{k},000 ratings, 5 a person, the same 1,761 items ({k * 200:,} x 1,761)",
            "near-linear",
            lambda c, k=k: _study(c, k * 200, 1761),
        )
        for k in (5, 20, 80, 300)
    },
}


def worker(name: str) -> None:
    """Run one row here and print its JSON."""
    # A fit that needs more than this shall end with a MemoryError, not with the machine.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    clock = Clock()
    note = ROWS[name][2](clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print("RESULT " + json.dumps({"seconds": clock.seconds, "peak_mb": peak, **note}))


# ---- the driver ----------------------------------------------------------------------------------
def run_row(name: str, limit: float) -> dict[str, Any]:
    """One row in a process of its own; a reason instead of numbers where it fails or takes too long."""
    command = [sys.executable, "-m", "benchmarks.ordinal", "--worker", name]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | THREADS, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"stopped after {limit:.0f} s"}
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result: dict[str, Any] = json.loads(line[7:])
            return result
    return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}


def run_r(participants: int, items: int, limit: float) -> dict[str, Any]:
    """R's clmm on the same simulated data."""
    from benchmarks import designs

    rscript = shutil.which("Rscript")
    if rscript is None:
        return {"failed": "R is not installed"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        designs.study(participants, items).to_csv(path, index=False)
        levels = [f"{factor}={level}" for factor, level in designs.REFERENCE.items()]
        script = [rscript, str(ROOT / "benchmarks" / "ordinal.R"), str(path), designs.FORMULA, *levels]
        try:
            done = subprocess.run(
                script, env=os.environ | THREADS, capture_output=True, text=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            return {"failed": f"stopped after {limit:.0f} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["R failed"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _text(key: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.5f}" if key == "loglik" else f"{value:.3g}"


def show(what: str, who: str, target: str, result: dict[str, Any]) -> None:
    """Print one line of the table."""
    if "failed" in result:
        print(f"| {what} | {who} | {target} | – | – | {result['failed']} |", flush=True)
        return
    memory = f"{result['peak_mb']:,.0f} MB" if "peak_mb" in result else "–"
    shown = {k: v for k, v in result.items() if k not in ("seconds", "peak_mb", "n")}
    note = ", ".join(f"{key} {_text(key, value)}".strip() for key, value in shown.items())
    print(f"| {what} | {who} | {target} | {result['seconds']:,.2f} s | {memory} | {note} |", flush=True)


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="row", help="rows to run (default: all)")
    parser.add_argument("--list", action="store_true", help="list the rows")
    parser.add_argument("--no-r", action="store_true", help="leave R out")
    parser.add_argument("--r-full", action="store_true", help="R at study size as well (about 18 minutes)")
    parser.add_argument("--limit", type=float, default=900, help="seconds a row may take (default 900)")
    parser.add_argument("--worker", choices=ROWS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker)
        return
    if options.list:
        for name, (what, target, _) in ROWS.items():
            print(f"{name:10} {what} ({target})")
        return
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"unknown row {sorted(unknown)[0]}; --list shows them")
    print(f"{platform.machine()}, Python {platform.python_version()}, one thread per process\n")
    print("| what | who | target | seconds | peak memory | notes |\n| --- | --- | --- | --- | --- | --- |")
    for name, (what, target, _) in ROWS.items():
        if options.rows and name not in options.rows:
            continue
        show(what, "plural", target, run_row(name, options.limit))
        if name == "small" and not options.no_r:
            show(what, "R ordinal, this run", "", run_r(300, 1500, options.limit))
        if name == "study" and not options.no_r:
            quoted = {"seconds": R_STUDY_SECONDS, "": "quoted: R 4.2.2, ordinal 2022.11-16, not run now"}
            show(what, "R ordinal, literature", "", quoted)
            if options.r_full:
                show(what, "R ordinal, this run", "", run_r(1095, 1761, 7200))


if __name__ == "__main__":
    main()
