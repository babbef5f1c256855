"""Projects of version 1."""

from datetime import datetime

from fractal_models.base import Base
from fractal_models.bases_v1 import _ProjectBaseV1
from fractal_models.columns import eager_relationship, primary_key, timestamp_now
from fractal_models.models.linkuserproject import LinkUserProject
from fractal_models.models.security import UserOAuth


class Project(_ProjectBaseV1, Base, table=True):
    """Workspace of one or several users; cannot be deleted while it has datasets or workflows."""

    __tablename__ = "project"

    id: int | None = primary_key()

    name: str
    read_only: bool = False

    timestamp_created: datetime = timestamp_now()

    user_list: list[UserOAuth] = eager_relationship(
        secondary=LinkUserProject.__tablename__, passive_deletes=True, order_by="UserOAuth.id"
    )
