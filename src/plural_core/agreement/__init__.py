"""Who disagrees: rates, Krippendorff's alpha, between and within groups, co-occurrence, topics."""

from plural_core.agreement.alpha import Alpha, alpha_table, krippendorff_alpha
from plural_core.agreement.between import Split, between_table, split
from plural_core.agreement.cooccurrence import cooccurrence_table
from plural_core.agreement.disagreement import Disagreement, disagreement, disagreement_table
from plural_core.agreement.ranks import RankAgreement, rank_agreement, rank_agreement_table

__all__ = [
    "Alpha",
    "Disagreement",
    "RankAgreement",
    "Split",
    "alpha_table",
    "between_table",
    "cooccurrence_table",
    "disagreement",
    "disagreement_table",
    "krippendorff_alpha",
    "rank_agreement",
    "rank_agreement_table",
    "split",
]
