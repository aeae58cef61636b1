"""Answers to held-out prompts, judges that score them, and how far the judges agree with people."""
