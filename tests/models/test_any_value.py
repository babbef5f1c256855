"""Random values: each is returned unchanged by both engines, or rejected."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import URL
from sqlmodel import Session

from fractal_models.database import create_engine
from fractal_models.models import State, UserSettings
from fractal_models.testing.databases import Databases
from fractal_models.testing.factories import ProjectFactory
from fractal_models.types import EARLIEST, LATEST, UnstorableValueError

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=10,
)


@given(st.dictionaries(texts, values))
@example({"\x01": "\\u0000", "": {"": [[], {}]}, "big": 2**4000, "small": 5e-324, "-0.0": -0.0})
def test_any_json_object(session: Session, data: dict[str, Any]) -> None:
    state = State(data=data)
    session.add(state)
    session.flush()
    session.refresh(state)
    # As text, because 1 equals True, and dicts in another order are equal.
    assert json.dumps(state.data) == json.dumps(data)
    session.rollback()


@given(st.lists(values))
def test_any_json_array(session: Session, data: list[Any]) -> None:
    # The column accepts any array; its annotation is narrower.
    row = UserSettings(slurm_accounts=data)
    session.add(row)
    session.flush()
    session.refresh(row)
    assert json.dumps(row.slurm_accounts) == json.dumps(data)
    session.rollback()


@given(texts)
@example("\x01\x7f\N{NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}\uffff\U0010ffff")
def test_any_text(session: Session, text: str) -> None:
    project = ProjectFactory.build(name=text)
    session.add(project)
    session.flush()
    session.refresh(project)
    assert project.name == text
    session.rollback()


moments = st.datetimes(timezones=st.timezones() | st.just(UTC)) | st.sampled_from([EARLIEST, LATEST])


def check_moment(session: Session, moment: datetime) -> None:
    state = State(timestamp=moment)
    session.add(state)
    if EARLIEST <= moment <= LATEST:
        session.flush()
        session.refresh(state)
        # In UTC, because an ambiguous local time is not equal to any time in another zone.
        assert state.timestamp == moment.astimezone(UTC)
        assert state.timestamp.tzinfo is UTC
    else:
        with pytest.raises(
            UnstorableValueError, match=r"^state\.timestamp: should be between 0001-01-02 and 9999-12-30 UTC"
        ):
            session.flush()
    session.rollback()


def edges(test: Any) -> Any:
    """Earliest and latest datetimes, and an ambiguous hour in Berlin, in zones far from UTC."""
    for moment in (
        EARLIEST,
        LATEST,
        EARLIEST - timedelta(microseconds=1),
        LATEST + timedelta(microseconds=1),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
    ):
        test = example(moment)(test)
    return test


@given(moments)
@edges
def test_any_moment(session: Session, moment: datetime) -> None:
    check_moment(session, moment)


@pytest.fixture(params=["postgresql+psycopg2", "postgresql+psycopg"])
def postgres_url(request: pytest.FixtureRequest, fractal_postgresql_databases: Databases) -> Iterator[URL]:
    url = fractal_postgresql_databases.create_at_head()
    yield url.set(drivername=request.param)
    fractal_postgresql_databases.drop(url)


@pytest.fixture(params=["Asia/Tokyo", "America/St_Johns", "Pacific/Kiritimati"])
def session_elsewhere(request: pytest.FixtureRequest, postgres_url: URL) -> Iterator[Session]:
    """Session in which PostgreSQL uses another time zone."""
    engine = create_engine(postgres_url, connect_args={"options": f"-c timezone={request.param}"})
    with Session(engine) as session:
        yield session
    engine.dispose()


@given(moments)
@edges
def test_any_moment_in_a_session_elsewhere(session_elsewhere: Session, moment: datetime) -> None:
    check_moment(session_elsewhere, moment)
