"""The command ``plural``: thin, one line per error."""

from plural_core.cli.app import main

__all__ = ["main"]
