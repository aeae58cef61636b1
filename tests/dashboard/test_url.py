"""Filters in the address."""

from __future__ import annotations

from plural_core.dashboard import url


def test_one_of_takes_what_exists() -> None:
    assert url.one_of("b", ["a", "b"]) == "b"
    assert url.one_of("<script>", ["a", "b"]) == "a"
    assert url.one_of(None, ["a", "b"], "b") == "b"
    assert url.one_of("x", ["a"], "y") == "a"
    assert url.one_of("x", []) is None


def test_some_of_keeps_the_order_of_the_options() -> None:
    assert url.some_of(["c", "a", "x"], ["a", "b", "c"]) == ["a", "c"]
    assert url.some_of([], ["a", "b"]) == ["a", "b"]
    assert url.some_of(["x"], ["a", "b"], ["b"]) == ["b"]


def test_switches() -> None:
    assert url.is_on("1") and not url.is_on("0", True)
    assert url.is_on(None, True) and url.is_on("maybe", True) and not url.is_on("maybe")


def test_links_hold_every_parameter_and_nothing_of_the_old_address() -> None:
    link = url.link("http://localhost:8501/effects?old=1#x", {"study": "a b", "family": ["x", "y"], "none": ""})
    assert link == "http://localhost:8501/effects?study=a+b&family=x&family=y"
