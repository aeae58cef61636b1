"""Who disagrees: rates, Krippendorff's alpha, between and within groups, co-occurrence, topics."""

from plural_core.agreement.alpha import Alpha, alpha_table, krippendorff_alpha
from plural_core.agreement.between import Split, between_table, split
from plural_core.agreement.cooccurrence import cooccurrence_table
from plural_core.agreement.disagreement import Disagreement, disagreement_table
from plural_core.agreement.ranks import RankAgreement, rank_agreement, rank_agreement_table
from plural_core.agreement.topic_differences import TopicTables, topic_tables
from plural_core.agreement.topics import Topics, form_topics
from plural_core.agreement.wording import (
    contradictions,
    describe_contradictions,
    describe_disagreement,
    not_comparable,
)

__all__ = [
    "Alpha",
    "Disagreement",
    "RankAgreement",
    "Split",
    "TopicTables",
    "Topics",
    "alpha_table",
    "between_table",
    "contradictions",
    "cooccurrence_table",
    "describe_contradictions",
    "describe_disagreement",
    "disagreement_table",
    "form_topics",
    "krippendorff_alpha",
    "not_comparable",
    "rank_agreement",
    "rank_agreement_table",
    "split",
    "topic_tables",
]
