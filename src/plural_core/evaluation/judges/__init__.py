"""Judges behind one protocol: lexicon, ratings_model, openai, classifier."""
