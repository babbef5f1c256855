"""Members of groups."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Field

from fractal_models.base import Base
from fractal_models.columns import timestamp_now


class LinkUserGroup(Base, table=True):
    """Membership of a user in a group; deleted with either."""

    __tablename__ = "linkusergroup"

    group_id: int = Field(foreign_key="usergroup.id", ondelete="CASCADE", primary_key=True)

    user_id: int = Field(foreign_key="user_oauth.id", ondelete="CASCADE", primary_key=True, index=True)

    timestamp_created: datetime = timestamp_now(server_default=text("'2000-01-01 00:00:00+00'"))
    """Time when the user joined; 2000-01-01 for members from before it was recorded."""
