"""A deterministic simulation of many builds: the real purchase line in a world that one seed determines."""
