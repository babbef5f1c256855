"""The tables of this package as SQLAlchemy sees them, apart from those of a server."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from fractal_models.base import NAMING_CONVENTION
from fractal_models.models import TABLES

METADATA = MetaData(naming_convention=NAMING_CONVENTION)
"""Copies of the tables of this package; `SQLModel.metadata` may contain others."""

for model in TABLES:
    SQLModel.metadata.tables[str(model.__tablename__)].to_metadata(METADATA)
