"""Golden files: builds whose front matter, pages and log stand together in one file."""
