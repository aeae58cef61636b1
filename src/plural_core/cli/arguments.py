"""``--set a=1 b=2`` as well as ``--set a=1 --set b=2``."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SETTING = re.compile(r"^[A-Za-z_][\w.-]*=")


def spread_settings(arguments: Sequence[str]) -> list[str]:
    """Repeat ``--set`` before each of several settings that follow it.

    Parameters
    ----------
    arguments : sequence of str
        Command-line arguments.

    Examples
    --------
    >>> spread_settings(["run", "a.yaml", "--set", "seed=1", "study=x", "-n"])
    ['run', 'a.yaml', '--set', 'seed=1', '--set', 'study=x', '-n']
    """
    spread: list[str] = []
    setting = False
    for argument in arguments:
        if setting and _SETTING.match(argument) and spread[-1] != "--set":
            spread.append("--set")
        elif argument != "--set" and not (spread and spread[-1] == "--set"):
            setting = False
        if argument == "--set":
            setting = True
        spread.append(argument)
    return spread
