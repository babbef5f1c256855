"""Asynchronous sessions with `exec`."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession as SQLAlchemySession
from sqlmodel.ext.asyncio.session import AsyncSession as SQLModelSession


class AsyncSession(SQLModelSession):
    """SQLModel's session, whose `execute` is not deprecated: adapters of fastapi-users call it."""

    execute = SQLAlchemySession.execute
