"""Links and the derivatives of a rating's log-probability."""

import numpy as np
import pytest

from plural_core.ordinal.errors import OrdinalError
from plural_core.ordinal.links import LINKS, get_link
from plural_core.ordinal.rows import log_probability, row_hessian, row_score, row_terms

POINTS = np.linspace(-3.0, 3.0, 25)


@pytest.mark.parametrize("name", LINKS)
def test_densities_are_derivatives(name: str) -> None:
    link, step = LINKS[name], 1e-5
    f, g, h = link.densities(POINTS)
    assert np.allclose((link.cdf(POINTS + step) - link.cdf(POINTS - step)) / (2 * step), f, atol=1e-8)
    up, down = link.densities(POINTS + step), link.densities(POINTS - step)
    assert np.allclose((up[0] - down[0]) / (2 * step), g, atol=1e-8)
    assert np.allclose((up[1] - down[1]) / (2 * step), h, atol=1e-8)


@pytest.mark.parametrize("name", LINKS)
def test_interval_and_quantile(name: str) -> None:
    link = LINKS[name]
    assert np.allclose(link.interval(POINTS + 0.7, POINTS), link.cdf(POINTS + 0.7) - link.cdf(POINTS))
    inner = np.linspace(-2, 2, 9)
    assert np.allclose(link.quantile(link.cdf(inner)), inner)


@pytest.mark.parametrize("name", LINKS)
def test_interval_keeps_its_digits_far_out(name: str) -> None:
    """In the tail where 1 - F vanishes, F(b) - F(a) is about f(middle) (b - a)."""
    link = LINKS[name]
    at = {"logit": 30.0, "probit": 8.0, "cloglog": 3.4, "loglog": 30.0, "cauchit": 900.0}[name]
    width = 1e-4
    p = link.interval(np.array([at + width]), np.array([at]))
    assert np.allclose(p, link.densities(np.array([at + width / 2]))[0] * width, rtol=1e-5)


def test_extreme_value_links_are_mirror_images_with_textbook_names() -> None:
    assert np.allclose(LINKS["cloglog"].cdf(POINTS), 1 - np.exp(-np.exp(POINTS)))
    assert np.allclose(LINKS["cloglog"].cdf(POINTS), 1 - LINKS["loglog"].cdf(-POINTS))


@pytest.mark.parametrize("name", LINKS)
def test_row_derivatives(name: str) -> None:
    link, step = LINKS[name], 1e-5
    rng = np.random.default_rng(1)
    lower = rng.normal(size=60)
    upper = lower + 0.5 + rng.random(60)
    top, bottom = np.arange(60) < 10, (np.arange(60) >= 10) & (np.arange(60) < 20)
    upper[top], lower[bottom] = link.end, -link.end
    moves_up, moves_down = (~top).astype(float), (~bottom).astype(float)

    def slope(get: object, up: float, down: float) -> np.ndarray:
        a = get(upper + step * up * moves_up, lower + step * down * moves_down)  # type: ignore[operator]
        b = get(upper - step * up * moves_up, lower - step * down * moves_down)  # type: ignore[operator]
        return np.asarray((a - b) / (2 * step))

    terms = row_terms(link, upper, lower)
    close = {"rtol": 1e-5, "atol": 1e-6}
    logp = lambda u, v: log_probability(link, u, v)  # noqa: E731
    part = lambda field: lambda u, v: getattr(row_terms(link, u, v), field)  # noqa: E731
    assert np.allclose(slope(logp, 1, 0), terms.l1 * moves_up, **close)
    assert np.allclose(slope(logp, 0, 1), terms.l2 * moves_down, **close)
    assert np.allclose(slope(logp, 1, 1), terms.s, **close)
    assert np.allclose(slope(part("s"), 1, 1), -terms.w, **close)
    assert np.allclose(slope(part("s"), 1, 0), terms.s1 * moves_up, **close)
    assert np.allclose(slope(part("s"), 0, 1), terms.s2 * moves_down, **close)
    assert np.allclose(slope(part("w"), 1, 0), terms.w1 * moves_up, **close)
    assert np.allclose(slope(part("w"), 0, 1), terms.w2 * moves_down, **close)
    h11, h12, h22 = row_hessian(terms)
    assert np.allclose(slope(part("l1"), 1, 0), h11 * moves_up, **close)
    assert np.allclose(slope(part("l2"), 0, 1), h22 * moves_down, **close)
    inner = ~(top | bottom)
    assert np.allclose(slope(part("l1"), 0, 1)[inner], h12[inner], **close)
    score = row_score(link, upper, lower)
    assert np.allclose(score.s, terms.s)
    assert np.allclose(score.w, terms.w)


def test_crossed_thresholds_have_no_probability() -> None:
    for link in LINKS.values():
        assert np.isneginf(log_probability(link, np.array([0.0]), np.array([1.0]))).all()


def test_unknown_link_names_the_nearest() -> None:
    with pytest.raises(OrdinalError, match="Did you mean 'probit'"):
        get_link("probbit")
