"""Filters whose state is the address: a link shows the same view, and Back undoes a choice.

The address is the one source of truth. A widget's callback writes its choice there, which adds a step to the
browser's history; each run sets every widget to what the address says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from plural_core.dashboard import url
from plural_core.dashboard.words import Words

FEW = 4
"""Up to so many short options stand side by side; more of them go into a list."""
SHORT = 16
WIDTH = 270
"""Pixels of a list: it fits a phone."""


class Filters:
    """The filters of one page for one study.

    Parameters
    ----------
    words : Words
        The reader's language.
    prefix : str
        Put in front of every parameter, so that two studies side by side have filters of their own.
    printing : bool
        Whether only to read the address; what is chosen is then printed instead.
    chosen : dict, optional
        Where to note what is chosen.
    """

    def __init__(
        self, words: Words, prefix: str = "", printing: bool = False, chosen: dict[str, str | list[str]] | None = None
    ) -> None:
        self.words = words
        self.prefix = prefix
        self.printing = printing
        self.chosen = {} if chosen is None else chosen
        self.printed: list[tuple[str, str]] = []

    def one(
        self,
        name: str,
        options: Mapping[str, str],
        default: str | None = None,
        *,
        label: str = "",
        term: str = "",
        clears: Sequence[str] = (),
        wide: bool = False,
    ) -> str:
        """Choose one option.

        Parameters
        ----------
        name : str
            Parameter in the address.
        options : mapping
            What readers see for each value.
        default : str, optional
            Chosen where the address says nothing (default: the first).
        label : str
            Key of the label (default: ``filters.<name>``).
        term : str
            Key of the definition that hovering shows.
        clears : sequence of str
            Parameters that lose their meaning when this one changes.
        wide : bool
            For long options: a list as wide as the page.
        """
        values = list(options)
        if not values:
            return ""
        parameter = self.prefix + name
        value = url.one_of(st.query_params.get(parameter), values, default) or values[0]
        text = self.words(label or f"filters.{name}")
        self._note(parameter, text, value, options[value])
        if self.printing or len(values) == 1:
            return value
        key = f"filter_{parameter}"
        st.session_state[key] = value
        arguments = (parameter, key, tuple(self.prefix + c for c in clears))
        tip = self.words.term(term) if term else None
        if not wide and len(values) <= FEW and all(len(v) <= SHORT for v in options.values()):
            st.segmented_control(
                plain(text), values, format_func=lambda v: plain(options[v]), key=key, required=True, help=tip,
                on_change=_push, args=arguments,
            )  # fmt: skip
        else:
            st.selectbox(
                plain(text), values, format_func=lambda v: options[v], key=key, help=tip, on_change=_push,
                args=arguments, filter_mode="contains",
                width="stretch" if wide else WIDTH,
            )  # fmt: skip
        return value

    def some(
        self,
        name: str,
        options: Mapping[str, str],
        default: Sequence[str] | None = None,
        *,
        label: str = "",
        term: str = "",
    ) -> list[str]:
        """Choose some options; none chosen means the default (else all)."""
        values = list(options)
        parameter = self.prefix + name
        chosen = url.some_of(st.query_params.get_all(parameter), values, default)
        text = self.words(label or f"filters.{name}")
        self._note(parameter, text, chosen, ", ".join(options[v] for v in chosen))
        if self.printing or len(values) < 2:
            return chosen
        key = f"filter_{parameter}"
        st.session_state[key] = chosen
        st.multiselect(
            plain(text), values, format_func=lambda v: options[v], key=key, on_change=_push, args=(parameter, key, ()),
            help=self.words.term(term) if term else None,
        )  # fmt: skip
        return chosen

    def switch(self, name: str, default: bool = False, *, label: str = "", term: str = "") -> bool:
        """Switch something on or off."""
        parameter = self.prefix + name
        value = url.is_on(st.query_params.get(parameter), default)
        text = self.words(label or f"filters.{name}")
        self._note(parameter, text, url.YES if value else url.NO, self.words("format.yes" if value else "format.no"))
        if self.printing:
            return value
        key = f"filter_{parameter}"
        st.session_state[key] = value
        st.toggle(
            plain(text), key=key, on_change=_push, args=(parameter, key, ()),
            help=self.words.term(term) if term else None,
        )  # fmt: skip
        return value

    def _note(self, parameter: str, label: str, value: str | list[str], shown: str) -> None:
        self.chosen[parameter] = value
        self.printed.append((label, shown))


def _push(parameter: str, key: str, clears: tuple[str, ...]) -> None:
    """Write a widget's choice into the address."""
    value = st.session_state[key]
    for name in clears:
        if name in st.query_params:
            del st.query_params[name]
    if isinstance(value, bool):
        value = url.YES if value else url.NO
    st.query_params[parameter] = value if value is not None else ""


def plain(text: str) -> str:
    """Return text that Streamlit's Markdown shows as it is."""
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in text)


_MARKDOWN = set("\\`*_{}[]()#+-.!|~>$:<")
