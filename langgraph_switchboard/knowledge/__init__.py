"""Knowledge: help articles and BM25 search."""
