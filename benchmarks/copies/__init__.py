"""Benchmark of copies between PostgreSQL and SQLite, and of their verification."""
