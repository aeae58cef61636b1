"""Symbolic phase: which random effects to eliminate together, and where the fill falls.

The matrix D = Lambda' Z' W Z Lambda + I of a mixed model has one row per random effect and one entry per pair
of effects that share a rating. A set of effects without common ratings (all items, say) is a diagonal block,
and its elimination is a handful of vector operations. What is left is again a sparse symmetric matrix, so we
choose the next independent set among the nodes with fewest neighbours, and so on, until the rest (the core)
is dense enough for LAPACK. That is a sparse Cholesky factorisation in a minimum-degree order, with as many
steps as there are levels instead of as many as there are rows. All index patterns depend on the design only
and are computed once.

All numbers live in one flat array: the q diagonal entries, then the entries coupling each level to later
nodes, then (optionally) a dense coupling block, then the dense core (row-major, lower triangle).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from plural_core.ordinal.errors import DesignTooLargeError

Ints = np.ndarray

# Relative prices of one flop in LAPACK, one pair update in NumPy and one level, in nanoseconds: they decide
# only where the core begins, never a result.
_FLOP, _PAIR, _LEVEL = 0.03, 25.0, 150e3
_SMALLEST_CORE = 24
_MOST_ENTRIES = 200_000_000  # of the graph of what is left, before it is called dense


@dataclass(frozen=True)
class Level:
    """Nodes without common entries that are eliminated together.

    `start:stop` are the flat slots of their couplings, sorted by eliminated node; `owner` and `neighbour` are
    the two ends of each coupling. A pair (a, b) of couplings of one node updates the slot `target`.
    """

    nodes: Ints
    start: int
    stop: int
    owner: Ints  # position in `nodes`
    neighbour: Ints  # global node
    neighbour_diag: Ints  # slot of the neighbour's diagonal entry
    neighbour_unique: Ints
    neighbour_inverse: Ints
    pair_a: Ints
    pair_b: Ints
    pair_target: Ints
    touched: Ints  # unique slots that change: targets of pairs and diagonals of neighbours
    touched_inverse: Ints


@dataclass(frozen=True)
class Plan:
    """Everything about a factorisation that does not depend on numbers.

    Attributes
    ----------
    size : int
        Number of random effects, q.
    levels : tuple of Level
        Sparse eliminations, in order.
    block : ndarray of int
        Nodes of a final diagonal block that is coupled densely to the core (may be empty).
    core : ndarray of int
        Nodes of the dense core, in its order.
    length : int
        Length of the flat array.
    block_start, core_start : int
        First slots of the dense coupling block and of the core.
    """

    size: int
    levels: tuple[Level, ...]
    block: Ints
    core: Ints
    length: int
    block_start: int
    core_start: int
    diag: Ints  # slot of every node's diagonal entry
    _keys: Ints
    _slots: Ints
    _place: Ints

    def holds(self, i: Ints, j: Ints) -> np.ndarray:
        """Whether the entries (i, j), i != j, are in the (filled) pattern."""
        pi, pj = self._place[i], self._place[j]
        dense = ((pi >= 0) & (pj >= 0)) | ((pi <= -2) & (pj >= 0)) | ((pj <= -2) & (pi >= 0))
        if not len(self._keys):
            return np.asarray(dense)
        keys = _key(i, j, self.size)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.asarray(dense | (self._keys[at] == keys))

    def slots(self, i: Ints, j: Ints) -> Ints:
        """Flat slots of the entries (i, j), i != j, which must be in the pattern."""
        return _slots(i, j, self)


def plan_elimination(size: int, i: Ints, j: Ints) -> Plan:
    """Plan the factorisation of a symmetric matrix with off-diagonal entries at (i, j).

    Parameters
    ----------
    size : int
        Order of the matrix.
    i, j : ndarray of int
        Ends of the off-diagonal entries, in any order, repeats allowed.
    """
    keep = i != j
    i, j = i[keep], j[keep]
    rows, cols = np.concatenate([i, j]), np.concatenate([j, i])
    graph = sp.csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, cols)), shape=(size, size))
    graph.data[:] = 1
    ids = np.arange(size)
    found: list[tuple[Ints, Ints, Ints]] = []  # nodes, owner position, neighbour (global)
    while len(ids):
        chosen = _independent_set(graph)
        block = graph[chosen][:, ~chosen].tocsr()
        degree = np.diff(block.indptr)
        pairs = float((degree * (degree + 1) // 2).sum())
        rest = int((~chosen).sum())
        saved = _FLOP * (float(len(ids)) ** 3 - float(rest) ** 3)
        if graph.nnz + 2.0 * pairs > _MOST_ENTRIES:
            break
        if pairs and (len(ids) <= _SMALLEST_CORE or pairs * _PAIR + _LEVEL > saved):
            break
        owner = np.repeat(np.arange(len(degree)), degree)
        found.append((ids[chosen], owner, ids[~chosen][block.indices]))
        graph = sp.csr_matrix(graph[~chosen][:, ~chosen] + (block.T @ block))
        graph.setdiag(0)
        graph.eliminate_zeros()
        graph.data[:] = 1
        ids = ids[~chosen]
    dense_block = _dense_block(graph)
    _check_memory(int((~dense_block).sum()), int(dense_block.sum()))
    return _lay_out(size, found, ids[dense_block], ids[~dense_block])


def _check_memory(core: int, block: int) -> None:
    """Refuse a factorisation that cannot fit, before it takes the machine down."""
    needed = 8.0 * core * (4.0 * core + 3.0 * block)
    try:
        present = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # no such call on this system
        return
    if needed > 0.8 * present:
        raise DesignTooLargeError(
            f"the random effects are so entangled that {core:,} of them have to be factored densely, which takes"
            f" {needed / 1e9:.0f} GB (this machine has {present / 1e9:.0f} GB): fit fewer items or participants"
        )


def _independent_set(graph: sp.csr_matrix) -> np.ndarray:
    """Boolean mask of an independent set of nodes with few neighbours (deterministic)."""
    m = graph.shape[0]
    degree = np.diff(graph.indptr)
    lowest = int(degree.min())
    active = degree <= max(1.5 * lowest, lowest + 1)
    # Ties are broken by a fixed hash, so that neighbouring indices do not wait for one another.
    priority = degree + (np.arange(m) * 2654435761 % 2**32) / 2**33
    row = np.repeat(np.arange(m), degree)
    column = graph.indices
    chosen = np.zeros(m, dtype=bool)
    while active.any():
        shown = np.where(active, priority, np.inf)
        best = np.full(m, np.inf)
        np.minimum.at(best, row, shown[column])
        new = active & (priority < best)
        chosen |= new
        gone = new.copy()
        gone[column[new[row]]] = True
        active &= ~gone
    return chosen


def _dense_block(graph: sp.csr_matrix) -> np.ndarray:
    """Mask of a large independent set inside the dense rest, worth a dense block elimination, or nothing.

    Example: 5,000 raters who all rate the same 500 items.
    """
    m = graph.shape[0]
    nothing = np.zeros(m, dtype=bool)
    if m <= 4 * _SMALLEST_CORE:
        return nothing
    degree = np.diff(graph.indptr)
    order = np.argsort(degree, kind="stable")
    blocked = np.zeros(m, dtype=bool)
    chosen = np.zeros(m, dtype=bool)
    for node in order:
        if not blocked[node]:
            chosen[node] = True
            blocked[graph.indices[graph.indptr[node] : graph.indptr[node + 1]]] = True
    rest = m - int(chosen.sum())
    worth = 3.0 * float(chosen.sum()) * rest**2 + rest**3 < 0.7 * m**3
    return chosen if worth else nothing


def _lay_out(size: int, found: Sequence[tuple[Ints, Ints, Ints]], block: Ints, core: Ints) -> Plan:
    """Give every entry its slot, then express each level's updates in slots."""
    starts: list[int] = []
    keys: list[Ints] = []
    slot = size
    for nodes, owner, neighbour in found:
        starts.append(slot)
        keys.append(_key(nodes[owner], neighbour, size))
        slot += len(owner)
    all_keys = np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)
    order = np.argsort(all_keys)
    # Place of a node in the dense part: 0.. for the core, -2, -3, ... for the block, -1 elsewhere.
    place = np.full(size, -1, dtype=np.int64)
    place[core] = np.arange(len(core))
    place[block] = -2 - np.arange(len(block))
    block_start = slot
    core_start = block_start + len(block) * len(core)
    diag = np.arange(size)
    diag[core] = core_start + np.arange(len(core)) * (len(core) + 1)
    bare = Plan(
        size, (), block, core, core_start + len(core) ** 2, block_start, core_start, diag,
        all_keys[order], size + order, place,
    )  # fmt: skip
    levels = tuple(
        _level(bare, nodes, owner, neighbour, start)
        for (nodes, owner, neighbour), start in zip(found, starts, strict=True)
    )
    return Plan(size, levels, block, core, bare.length, block_start, core_start, diag, bare._keys, bare._slots, place)


def _key(i: Ints, j: Ints, size: int) -> Ints:
    return np.asarray(np.minimum(i, j).astype(np.int64) * size + np.maximum(i, j))


def _slots(i: Ints, j: Ints, plan: Plan) -> Ints:
    out = np.empty(len(i), dtype=np.int64)
    m = len(plan.core)
    pi, pj = plan._place[i], plan._place[j]
    in_core = (pi >= 0) & (pj >= 0)
    high, low = np.maximum(pi[in_core], pj[in_core]), np.minimum(pi[in_core], pj[in_core])
    out[in_core] = plan.core_start + high * m + low
    in_block = ((pi <= -2) & (pj >= 0)) | ((pj <= -2) & (pi >= 0))
    low, high = np.minimum(pi[in_block], pj[in_block]), np.maximum(pi[in_block], pj[in_block])
    out[in_block] = plan.block_start + (-2 - low) * m + high
    sparse = ~(in_core | in_block)
    if sparse.any():
        at = np.searchsorted(plan._keys, _key(i[sparse], j[sparse], plan.size))
        out[sparse] = plan._slots[at]
    return out


def _level(plan: Plan, nodes: Ints, owner: Ints, neighbour: Ints, start: int) -> Level:
    pair_a, pair_b = _pairs(np.bincount(owner, minlength=len(nodes)))
    target = plan.slots(neighbour[pair_a], neighbour[pair_b])
    neighbour_diag = plan.diag[neighbour]
    touched, inverse = np.unique(np.concatenate([target, neighbour_diag]), return_inverse=True)
    unique, unique_inverse = np.unique(neighbour, return_inverse=True)
    return Level(
        nodes, start, start + len(owner), owner, neighbour, neighbour_diag, unique, unique_inverse,
        pair_a, pair_b, target, touched, inverse,
    )  # fmt: skip


def _pairs(degree: Ints) -> tuple[Ints, Ints]:
    """All unordered pairs of different couplings that belong to the same node, couplings sorted by node."""
    first = np.concatenate([[0], np.cumsum(degree)[:-1]]) if len(degree) else np.zeros(0, dtype=np.int64)
    a: list[Ints] = [np.zeros(0, dtype=np.int64)]
    b: list[Ints] = [np.zeros(0, dtype=np.int64)]
    for d in np.unique(degree):
        if d < 2:
            continue
        upper = np.triu_indices(int(d), k=1)
        base = first[degree == d][:, None]
        a.append((base + upper[0]).ravel())
        b.append((base + upper[1]).ravel())
    return np.concatenate(a), np.concatenate(b)
