"""A MkDocs plugin: one line of front matter becomes a cinematic hero picture."""

__version__ = "0.1.0"
