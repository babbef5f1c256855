"""What servers and operators call: engines, and the upkeep of a database."""

from fractal_models.database.engine import create_engine, sync_url

__all__ = ["create_engine", "sync_url"]
