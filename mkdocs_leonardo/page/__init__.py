"""HTML of heroes and cards, and their places in pages."""
