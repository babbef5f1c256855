"""Who works on which project."""

from sqlmodel import Field

from fractal_models.base import Base


class LinkUserProject(Base, table=True):
    """One user's share in a project of version 1."""

    __tablename__ = "linkuserproject"

    project_id: int = Field(foreign_key="project.id", ondelete="CASCADE", primary_key=True)

    user_id: int = Field(foreign_key="user_oauth.id", ondelete="CASCADE", primary_key=True, index=True)


class LinkUserProjectV2(Base, table=True):
    """One user's share in a project of version 2."""

    __tablename__ = "linkuserprojectv2"

    project_id: int = Field(foreign_key="projectv2.id", ondelete="CASCADE", primary_key=True)

    user_id: int = Field(foreign_key="user_oauth.id", ondelete="CASCADE", primary_key=True, index=True)
