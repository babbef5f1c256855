"""Load many rows without the columns that weigh most: images, histories, dumps, logs, schemas, descriptions.

    select(DatasetV2).where(DatasetV2.project_id == project_id).options(without_heavy(DatasetV2))

    select(WorkflowV2).options(
        selectinload(WorkflowV2.task_list).selectinload(WorkflowTaskV2.task).options(without_heavy(TaskV2))
    )

Reading a column that was left out raises `sqlalchemy.exc.InvalidRequestError`, which names the column, in synchronous
and in asynchronous code: nothing is loaded behind the reader's back, row by row. Writing one works. Whoever needs it
after all asks for it: `session.refresh(dataset, ["images"])` loads one column of one row, a further option
`undefer(DatasetV2.history)` one column of all rows.

What was left out is also missing from `model_dump()` and `repr()`, which show what is loaded. An expired object, as
after `commit()` without `expire_on_commit=False`, loads everything again when it is read, like any other. So does one
after a `refresh()` that names no columns: in asynchronous code, name them.
"""

from sqlalchemy import inspect
from sqlalchemy.orm import Load

from fractal_models.base import Base


def heavy_columns(model: type[Base]) -> list[str]:
    """Name the columns of a model that are declared with `columns.heavy()`."""
    attributes = inspect(model).mapper.column_attrs
    return [attribute.key for attribute in attributes if attribute.columns[0].info.get("heavy")]


def without_heavy(model: type[Base]) -> Load:
    """Make a loader option that leaves out the heavy columns of a model, or of an alias of one.

    Raises:
        ValueError: The model has none.
    """
    heavy = heavy_columns(model)
    if not heavy:
        message = f"{model.__name__} has no heavy columns"
        raise ValueError(message)
    keys = [attribute.key for attribute in inspect(model).mapper.column_attrs]
    light = [getattr(model, key) for key in keys if key not in heavy]
    # Not `defer`, with which a further `undefer` of one of these columns would be in conflict.
    return Load(model).load_only(*light, raiseload=True)
