"""The plugin on every host and theme, beside real neighbours: an environment of its own for each row of a table.

Nothing here runs by itself, since it installs packages from the network: ``python -m tests.matrix`` runs the whole.
"""
