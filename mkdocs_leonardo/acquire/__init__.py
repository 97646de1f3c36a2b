"""Acquisition of missing pictures: access to providers, create calls, unanswered calls, collection.

Everything but `budget` is imported only when an event loop is needed.
"""
