"""Connections to the database: URLs, engines, and the errors of drivers."""
