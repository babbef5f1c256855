"""State and schema of a database, read without writing to it."""
