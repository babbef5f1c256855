"""Every table of the database, and the enumerations that the documentation lists beside them.

Alembic compares the database with what is imported here: a table that is not is none of ours.
"""

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
    model for name in __all__ if isinstance(model := globals()[name], type) and issubclass(model, Base)
)

TABLE_NAMES = frozenset(str(model.__tablename__) for model in TABLES)


def sorted_tables() -> list[Table]:
    """Tables of Fractal, each after those that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name in TABLE_NAMES]
