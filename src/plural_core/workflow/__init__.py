"""Running a study: the tables at its start, the workflow behind ``plural run``, and its status."""
