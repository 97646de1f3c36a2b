"""From a hero to HTML."""
