"""Who belongs to which group."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import timestamp_now


class LinkUserGroup(Base, table=True):
    """One membership of a user in a group."""

    __tablename__ = "linkusergroup"

    group_id: int = Field(foreign_key="usergroup.id", ondelete="CASCADE", primary_key=True)

    user_id: int = Field(foreign_key="user_oauth.id", ondelete="CASCADE", primary_key=True, index=True)

    timestamp_created: datetime = timestamp_now(sa_column_kwargs={"server_default": text("'2000-01-01 00:00:00+00'")})
    """When the user joined; the first moment of 2000 for members from before this was recorded."""
