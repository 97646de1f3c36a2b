"""The way from a missing picture to a stored one: access to providers, lost jobs, creating, collecting."""
