"""A study's effects over model families: scores of answers to pooled effects, and how sure one can be."""
