"""Sparse Cholesky factorisation by levels of independent nodes, in plain NumPy and LAPACK."""

from plural_core.ordinal.linalg.factor import Factor, NotPositiveDefiniteError
from plural_core.ordinal.linalg.symbolic import Plan, plan_elimination

__all__ = ["Factor", "NotPositiveDefiniteError", "Plan", "plan_elimination"]
