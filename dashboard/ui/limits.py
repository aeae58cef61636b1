"""What visitors share: one fit at a time, so that a visitor's large file does not slow everybody down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


@st.cache_resource
def _turn() -> threading.Semaphore:
    return threading.Semaphore(1)


@contextmanager
def one_fit_at_a_time() -> Iterator[None]:
    """Wait for one's turn."""
    turn = _turn()
    turn.acquire()
    try:
        yield
    finally:
        turn.release()
