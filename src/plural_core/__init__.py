"""plural: the workbench for pluralistic alignment.

Ratings in, findings out: who disagrees with whom about language-model answers, what a model becomes when it
is tuned on one group's feedback or another's, and how sure one can be (after arXiv 2511.14476).
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("plural-core")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
