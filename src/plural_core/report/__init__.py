"""The HTML report: every executed notebook as a page, and an index with the findings."""

from plural_core.report.write import write_report

__all__ = ["write_report"]
