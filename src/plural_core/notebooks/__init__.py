"""What every notebook of the workflow shares: its parameters, its start, its tables and findings."""

from plural_core.notebooks.context import Notebook, begin
from plural_core.notebooks.parameters import check_parameters, declared_parameters

__all__ = ["Notebook", "begin", "check_parameters", "declared_parameters"]
