"""Tables of the server itself."""

from datetime import datetime

from sqlalchemy.orm import backref
from sqlmodel import Field, Relationship, SQLModel, UTCDateTime

from fractal_models.models import ProjectV2, UserOAuth
from fractal_models.utils import get_timestamp


class Note(SQLModel, table=True):
    """Note of a user on a project; deleted with either of them."""

    id: int | None = Field(default=None, primary_key=True)

    # ON DELETE CASCADE, or a note would keep its user and its project from being deleted.
    user_id: int = Field(foreign_key="user_oauth.id", ondelete="CASCADE", index=True)
    user: UserOAuth = Relationship()

    project_id: int = Field(foreign_key="projectv2.id", ondelete="CASCADE", index=True)
    # The database deletes the notes of a project; `ProjectV2.notes` leaves that to it.
    project: ProjectV2 = Relationship(
        sa_relationship_kwargs={"backref": backref("notes", order_by="Note.id", passive_deletes="all")}
    )

    text: str
    timestamp_created: datetime = Field(default_factory=get_timestamp, sa_type=UTCDateTime)
