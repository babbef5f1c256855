"""How revisions are run."""
