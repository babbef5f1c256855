"""Environment of Alembic for the tables of the server; those of fractal-models have a history of their own."""

import os

import tables  # noqa: F401 (adds the tables of the server to the metadata)
from alembic import context
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from fractal_models.database import server_history, sync_url

# Not ours: with foreign keys enforced, batch operations on SQLite would delete the children of a table.
engine = create_engine(sync_url(os.environ.get("FRACTAL_DATABASE_URL", "sqlite:///fractal.db")))

with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        **server_history("notes_version"),
    )
    with context.begin_transaction():
        context.run_migrations()
