"""Runs of revisions: one migrator at a time, bounded locks, and a database that is always at a revision."""
