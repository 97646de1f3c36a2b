"""A deterministic simulation: the real purchase line, many processes, and a world that one seed owns."""
