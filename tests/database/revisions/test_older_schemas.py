"""The columns of old databases that the package knows are those of the released revisions."""

import pytest

from fractal_models.database.revisions.older_schemas import columns_at, older_revisions
from tests.support.old_databases.schemas import OLD, REVISIONS, schema_of


@pytest.mark.parametrize("number", OLD)
def test_columns_are_those_of_the_release(number: int) -> None:
    released = {(table, column) for table, columns in schema_of(number).items() for column in columns}

    assert set(columns_at(older_revisions().index(REVISIONS[number - 1]))) == released
