"""What was asked for: the config of a study, its paths and its run ids."""

from plural_core.study.config import (
    AgreementConfig,
    DataConfig,
    PrivacyConfig,
    StudyConfig,
)
from plural_core.study.load import load_study, parse_overrides
from plural_core.study.measures_config import DimensionConfig, FactorConfig
from plural_core.study.paths import Study

__all__ = [
    "AgreementConfig",
    "DataConfig",
    "DimensionConfig",
    "FactorConfig",
    "PrivacyConfig",
    "Study",
    "StudyConfig",
    "load_study",
    "parse_overrides",
]
