"""Factories of valid rows, one for each table; a row has no more values than the database requires.

    DatasetV2Factory.build(name="plate")                       # an object with a project, neither of them saved
    DatasetV2Factory.create(session, name="plate")             # a saved row with its project
    DatasetV2Factory.create(session, project=project)          # in a given project; `project_id=1` works as well
    await session.run_sync(DatasetV2Factory.create, name="plate")
    DatasetV2Factory.batch(3)

Keyword arguments set columns and relationships. Unique values are numbered and timestamps are a minute apart, so the
same calls after `TableFactory.seed_random(0)` make the same rows.
"""

from fractal_models.testing.factories.base import FACTORIES, TableFactory
from fractal_models.testing.factories.users import (
    LinkUserGroupFactory,
    OAuthAccountFactory,
    UserGroupFactory,
    UserOAuthFactory,
    UserSettingsFactory,
)
from fractal_models.testing.factories.v1 import (
    ApplyWorkflowFactory,
    DatasetFactory,
    LinkUserProjectFactory,
    ProjectFactory,
    ResourceFactory,
    StateFactory,
    TaskFactory,
    WorkflowFactory,
    WorkflowTaskFactory,
)
from fractal_models.testing.factories.v2 import (
    DatasetV2Factory,
    JobV2Factory,
    LinkUserProjectV2Factory,
    ProjectV2Factory,
    TaskGroupActivityV2Factory,
    TaskGroupV2Factory,
    TaskV2Factory,
    WorkflowTaskV2Factory,
    WorkflowV2Factory,
)

__all__ = [
    "FACTORIES",
    "ApplyWorkflowFactory",
    "DatasetFactory",
    "DatasetV2Factory",
    "JobV2Factory",
    "LinkUserGroupFactory",
    "LinkUserProjectFactory",
    "LinkUserProjectV2Factory",
    "OAuthAccountFactory",
    "ProjectFactory",
    "ProjectV2Factory",
    "ResourceFactory",
    "StateFactory",
    "TableFactory",
    "TaskFactory",
    "TaskGroupActivityV2Factory",
    "TaskGroupV2Factory",
    "TaskV2Factory",
    "UserGroupFactory",
    "UserOAuthFactory",
    "UserSettingsFactory",
    "WorkflowFactory",
    "WorkflowTaskFactory",
    "WorkflowTaskV2Factory",
    "WorkflowV2Factory",
]
