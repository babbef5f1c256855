"""Users of projects."""

from sqlmodel import Field

from fractal_models.base import Base


class LinkUserProject(Base, table=True):
    """Access of a user to a project of version 1; deleted with either."""

    __tablename__ = "linkuserproject"

    project_id: int = Field(foreign_key="project.id", ondelete="CASCADE", primary_key=True)

    user_id: int = Field(foreign_key="user_oauth.id", ondelete="CASCADE", primary_key=True, index=True)


class LinkUserProjectV2(Base, table=True):
    """Access of a user to a project of version 2; deleted with either."""

    __tablename__ = "linkuserprojectv2"

    project_id: int = Field(foreign_key="projectv2.id", ondelete="CASCADE", primary_key=True)

    user_id: int = Field(foreign_key="user_oauth.id", ondelete="CASCADE", primary_key=True, index=True)
