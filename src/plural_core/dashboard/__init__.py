"""What the dashboard shows, without its screens: studies, tables, suppression, words, panels. Typed and tested.

The screens stand in ``dashboard/`` at the project's top: Streamlit pages that lay out what the functions here return.
"""
