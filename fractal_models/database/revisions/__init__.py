"""Which revisions there are, and what they are made of."""
