"""All tables of the database, and the enumeration that the documentation lists with them."""

from sqlalchemy import Table

from fractal_models.base import Base
from fractal_models.models.linkusergroup import LinkUserGroup
from fractal_models.models.linkuserproject import LinkUserProject, LinkUserProjectV2
from fractal_models.models.security import OAuthAccount, UserGroup, UserOAuth
from fractal_models.models.user_settings import UserSettings
from fractal_models.models.v1 import (
    ApplyWorkflow,
    Dataset,
    JobStatusTypeV1,
    Project,
    Resource,
    State,
    Task,
    Workflow,
    WorkflowTask,
)
from fractal_models.models.v2 import (
    DatasetV2,
    JobV2,
    ProjectV2,
    TaskGroupActivityV2,
    TaskGroupV2,
    TaskV2,
    WorkflowTaskV2,
    WorkflowV2,
)

__all__ = [
    "TABLES",
    "ApplyWorkflow",
    "Dataset",
    "DatasetV2",
    "JobStatusTypeV1",
    "JobV2",
    "LinkUserGroup",
    "LinkUserProject",
    "LinkUserProjectV2",
    "OAuthAccount",
    "Project",
    "ProjectV2",
    "Resource",
    "State",
    "Task",
    "TaskGroupActivityV2",
    "TaskGroupV2",
    "TaskV2",
    "UserGroup",
    "UserOAuth",
    "UserSettings",
    "Workflow",
    "WorkflowTask",
    "WorkflowTaskV2",
    "WorkflowV2",
]

TABLES: tuple[type[Base], ...] = tuple(
    sorted(
        (table for table in Base.__subclasses__() if table.__module__.startswith(f"{__name__}.")),
        key=lambda table: table.__name__,
    )
)
"""All tables of this package by name, whatever other tables `SQLModel.metadata` contains."""

TABLE_NAMES = frozenset(str(table.__tablename__) for table in TABLES)
"""Names of these tables in the database."""


def sorted_tables() -> list[Table]:
    """Tables of SQLAlchemy, each after those that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name in TABLE_NAMES]
