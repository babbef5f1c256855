"""Pydantic bases and enumerations of both generations; nothing here knows SQLAlchemy."""
