"""Entry point of ``plural``: commands, and errors as one line each (traceback only with ``--debug``)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from plural_core import __version__
from plural_core.cli import actions
from plural_core.cli.arguments import spread_settings
from plural_core.errors import PluralError

INTERRUPTED = 130
app = typer.Typer(
    name="plural",
    help="The workbench for pluralistic alignment: ratings in, findings out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Config = Annotated[
    Path, typer.Argument(help="Study config, a YAML file such as configs/demo.yaml.", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE ...", help="Replace keys of the config: --set data.path=ratings.csv"),
]


def main(argv: Sequence[str] | None = None) -> None:
    """Run ``plural`` and exit with 0, or with 1 (2 for a usage error) after one line on standard error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or bool(os.environ.get("PLURAL_DEBUG"))
    arguments = spread_settings([a for a in arguments if a != "--debug"])
    try:
        code = app(args=arguments or ["--help"], prog_name="plural", standalone_mode=False)
        if code == INTERRUPTED:  # how typer reports Ctrl-C
            raise KeyboardInterrupt
        raise SystemExit(code if isinstance(code, int) else 0)
    except PluralError as error:
        if debug:
            raise
        _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; plural run goes on from here", code=INTERRUPTED)
    except TyperException as error:  # a usage error: an unknown command, a missing argument
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        _fail(f"{message} (see plural --help)", code=2)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except MemoryError:
        _fail("out of memory; run on a machine with more, or on fewer ratings")
    except OSError as error:
        if debug:
            raise
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}")


def _fail(message: str, code: int = 1) -> None:
    print(f"plural: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        print(f"plural {__version__}")
        raise typer.Exit


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context, config: Config, settings: Settings = None) -> None:
    """Run what is missing of a study; further flags go to Snakemake (--jobs 100 --executor slurm, -n ...)."""
    actions.run(config, settings or [], context.args)


@app.command()
def validate(config: Config, settings: Settings = None) -> None:
    """Check a config and its data, and say what is in them; nothing is written."""
    actions.validate(config, settings or [])


@app.command()
def simulate(
    config: Annotated[
        Path | None, typer.Argument(help="Study config with the simulation's settings (default: the demo's).")
    ] = None,
    settings: Settings = None,
) -> None:
    """Make the tables of a simulated study, with the truth beside them."""
    actions.simulate(config, settings or [])


@app.command()
def status(config: Config, settings: Settings = None) -> None:
    """Say what is done, running, missing or failed, and where the logs are."""
    actions.status(config, settings or [])


@app.command()
def report(config: Config, settings: Settings = None) -> None:
    """Write the HTML report again from the executed notebooks."""
    actions.report(config, settings or [])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dashboard(
    context: typer.Context,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on (default: 8501).")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Open no browser.")] = False,
) -> None:
    """Open the dashboard for the studies named (default: all under results/), on this machine only."""
    raise typer.Exit(actions.dashboard(context.args, port, headless))


@app.command(hidden=True)
def tables(config: Config, settings: Settings = None) -> None:
    """Make the three tables of a study (the workflow's first step)."""
    actions.tables(config, settings or [])


@app.command(hidden=True)
def pool(config: Config, settings: Settings = None) -> None:
    """Pool a study's effects over its model families (a step of the workflow)."""
    actions.pool(config, settings or [])
