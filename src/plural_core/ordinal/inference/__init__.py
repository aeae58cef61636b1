"""Questions to a fitted model, one per module."""
