"""Load many rows without their heavy columns: images, histories, dumps, logs, schemas, descriptions, `Dataset.meta`.

    select(DatasetV2).where(DatasetV2.project_id == project_id).options(without_heavy(DatasetV2))

    select(WorkflowV2).options(
        selectinload(WorkflowV2.task_list).selectinload(WorkflowTaskV2.task).options(without_heavy(TaskV2))
    )

Reading a column that was left out raises `sqlalchemy.exc.InvalidRequestError` with its name, in synchronous and in
asynchronous code, so that nothing is loaded row by row by accident. Writing one works. To load one column of one row,
use `session.refresh(dataset, ["images"])`; to load one column of all rows, add the option `undefer(DatasetV2.history)`.

Columns that were left out are also missing in `model_dump()` and `repr()`. An expired object, as after `commit()`
without `expire_on_commit=False`, loads all columns when it is read. So does an object after `refresh()` without names
of columns: in asynchronous code, name them. `session.get(DatasetV2, key, populate_existing=True)` loads the whole row.

`without_relationships(DatasetV2)` leaves out related rows: each relationship is one more statement.
"""

from sqlalchemy import inspect
from sqlalchemy.orm import Load

from fractal_models.base import Base


def heavy_columns(model: type[Base]) -> list[str]:
    """Names of the heavy columns of a model."""
    attributes = inspect(model).mapper.column_attrs
    return [attribute.key for attribute in attributes if attribute.columns[0].info.get("heavy")]


def without_heavy(model: type[Base]) -> Load:
    """Loader option that leaves out the heavy columns of a model, or of an alias of one.

    Raises:
        ValueError: The model has no heavy columns.
    """
    heavy = heavy_columns(model)
    if not heavy:
        message = f"{model.__name__} has no heavy columns"
        raise ValueError(message)
    keys = [attribute.key for attribute in inspect(model).mapper.column_attrs]
    light = [getattr(model, key) for key in keys if key not in heavy]
    # `defer` would conflict with a further `undefer` of one of these columns.
    return Load(model).load_only(*light, raiseload=True)


def without_relationships(model: type[Base]) -> Load:
    """Loader option that leaves out the relationships of a model: only the rows of its own table are loaded."""
    return Load(model).raiseload("*")
