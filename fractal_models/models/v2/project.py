"""Projects of version 2, without `read_only`."""

from datetime import datetime

from fractal_models.base import Base
from fractal_models.columns import eager_relationship, primary_key, timestamp_now
from fractal_models.models.linkuserproject import LinkUserProjectV2
from fractal_models.models.security import UserOAuth


class ProjectV2(Base, table=True):
    """Workspace of one or several users; cannot be deleted while it has datasets or workflows."""

    __tablename__ = "projectv2"

    id: int | None = primary_key()

    name: str

    timestamp_created: datetime = timestamp_now()

    user_list: list[UserOAuth] = eager_relationship(
        secondary=LinkUserProjectV2.__tablename__, passive_deletes=True, order_by="UserOAuth.id"
    )
