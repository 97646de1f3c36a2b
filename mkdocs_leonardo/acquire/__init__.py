"""Acquisition of missing pictures: access to providers, create calls, lost jobs, collection.

Everything but `budget` is asynchronous, and imported only when a picture is missing.
"""
