"""What `mkdocs-leonardo` does, one module for each errand; `mkdocs_leonardo.cli` reads the command line."""
