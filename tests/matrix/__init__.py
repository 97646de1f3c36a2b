"""The plugin on every host and theme, beside real neighbours: an environment for each row of a table.

These tests install packages from the network, so they run only if asked for: ``python -m tests.matrix`` runs all.
"""
