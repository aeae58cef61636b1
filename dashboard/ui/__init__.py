"""Streamlit parts that the pages share; what they show is made in ``plural_core.dashboard``."""
