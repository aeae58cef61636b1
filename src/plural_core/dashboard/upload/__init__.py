"""A visitor's own ratings: let in, columns guessed, read, analysed; in memory, for that visitor only."""
