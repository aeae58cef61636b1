"""What people said: schemas, adapters, quality and privacy."""

from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.tables import Ingested, RatingTables, complete_participants, factor_columns

__all__ = ["IngestLog", "Ingested", "RatingTables", "complete_participants", "factor_columns"]
