"""Texts as numbers: TF-IDF of words and of letters within words, in any language; counted once, weighted per fit.

Counting is the slow part and needs no labels; weights (inverse document frequencies, and which terms are kept) come
from the texts that a model is fitted to, so a text that is held out stays unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer

WORD_WEIGHT = 0.5
"""Weight of the words beside the letters (see docs/evaluation.md for the comparison)."""
LETTERS = (2, 5)
"""Shortest and longest run of letters; a run stays within a word."""
_WORD = r"(?u)\w+|[^\w\s]"
MIN_TEXTS = 2
"""A term counts where at least so many of the fitted texts have it: one that a single text has tells of no other."""


@dataclass(frozen=True, eq=False)
class TermCounts:
    """How often each term stands in each text, shape (texts, terms), for words and for runs of letters."""

    words: csr_matrix
    letters: csr_matrix

    def rows(self, at: np.ndarray) -> TermCounts:
        """Return the counts of some texts."""
        return TermCounts(self.words[at], self.letters[at])


@dataclass(frozen=True, eq=False)
class Counter:
    """Counts the terms of texts; the terms are those of the texts it was made from."""

    words: CountVectorizer
    letters: CountVectorizer

    @classmethod
    def of(cls, texts: list[str]) -> Counter:
        """Return the counter of the terms of `texts`, none of which is blank."""
        words = CountVectorizer(token_pattern=_WORD, dtype=np.float64)
        letters = CountVectorizer(analyzer="char_wb", ngram_range=LETTERS, dtype=np.float64)
        return cls(words.fit(texts), letters.fit(texts))

    def count(self, texts: list[str]) -> TermCounts:
        """Return the counts of `texts`; unknown terms are left out."""
        return TermCounts(csr_matrix(self.words.transform(texts)), csr_matrix(self.letters.transform(texts)))


@dataclass(frozen=True, eq=False)
class Weights:
    """Inverse document frequencies of the terms that are kept (0: not kept), from the texts that a model is fitted to.

    A feature is (1 + log tf) (1 + log((1 + n) / (1 + df))); a text's words and its letters are each scaled to length 1
    before the words are weighted down.
    """

    words: np.ndarray
    letters: np.ndarray

    @classmethod
    def of(cls, counts: TermCounts) -> Weights:
        """Return the weights of the terms in `counts`."""
        return cls(_frequencies(counts.words), _frequencies(counts.letters))

    @property
    def n_terms(self) -> int:
        """Number of terms that are kept."""
        return int(np.count_nonzero(self.words) + np.count_nonzero(self.letters))

    def features(self, counts: TermCounts) -> csr_matrix:
        """Return the features of texts, shape (texts, terms kept); a text without any kept term is a row of zeros."""
        words = _weighted(counts.words, self.words) * WORD_WEIGHT
        return csr_matrix(hstack([words, _weighted(counts.letters, self.letters)], format="csr"))


def _frequencies(counts: csr_matrix) -> np.ndarray:
    n = counts.shape[0]
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.where(texts >= MIN_TEXTS, 1.0 + np.log((1.0 + n) / (1.0 + texts)), 0.0)


def _weighted(counts: csr_matrix, weights: np.ndarray) -> csr_matrix:
    kept = csr_matrix(counts[:, np.flatnonzero(weights)], copy=True)
    kept.data = 1.0 + np.log(kept.data)
    kept.data *= weights[weights > 0][kept.indices]
    # By hand, since no word may be kept: in Chinese, say, a sentence has no spaces and stands in one text only.
    length = np.sqrt(np.bincount(_rows(kept), weights=kept.data**2, minlength=kept.shape[0]))
    kept.data /= length[_rows(kept)]
    return kept


def _rows(matrix: csr_matrix) -> np.ndarray:
    """Return the row of each stored number."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
