"""The dashboard's entry point: ``plural dashboard`` runs it with Streamlit."""

from ui.frame import run

run()
