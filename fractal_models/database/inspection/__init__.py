"""What a database is, read without writing to it."""
