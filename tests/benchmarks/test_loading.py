"""The plain models of the benchmark load the same rows; figures are not tested."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from benchmarks import loading
from fractal_models.base import Base
from fractal_models.database import create_engine
from fractal_models.models import TABLES


@pytest.mark.parametrize("model", loading.LOADED.values(), ids=loading.LOADED)
def test_plain_models_load_the_same_rows_and_relationships(tmp_path: Path, model: type[Base]) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/rows.db")
    loading.fill(engine, 2)
    plain = loading.plain_models()
    with Session(engine) as session:
        own = session.exec(select(model)).all()
        others: Any = session.execute(sa.select(plain[model.__name__])).scalars().all()
        assert [row.id for row in others] == [1, 2]
        for row, other in zip(own, others, strict=True):
            assert set(row.__dict__) == set(other.__dict__)
    engine.dispose()


def test_plain_models_have_the_columns_and_relationships_of_all_tables() -> None:
    plain = loading.plain_models()
    for model in TABLES:
        mapper, other = sa.inspect(model), sa.inspect(plain[model.__name__])
        assert other.columns.keys() == mapper.columns.keys()
        assert other.relationships.keys() == mapper.relationships.keys()
