"""What leads from a missing picture to a stored one: who may be asked, looking for lost jobs, collecting."""
