"""The commands of `mkdocs-leonardo`, a module for each; `mkdocs_leonardo.cli` reads the command line."""
