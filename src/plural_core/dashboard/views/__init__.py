"""One module per page: filters in, panels out."""
