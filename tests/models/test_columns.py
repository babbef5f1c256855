"""Strict column types: stored values, and errors before anything is sent."""

import json
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from math import inf, nan
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy import JSON, func, insert, update
from sqlmodel import Session, SQLModel, col, select

from fractal_models.models import ApplyWorkflow, Dataset, JobStatusTypeV1, Task, UserOAuth
from fractal_models.testing.factories import ApplyWorkflowFactory, DatasetFactory, TaskFactory, UserOAuthFactory
from fractal_models.types import JSONObject, UnstorableValueError
from fractal_models.utils import get_timestamp
from tests.support.databases import saved, statement_count

TABLE = SQLModel.metadata.tables["dataset"]
TOKYO = timezone(timedelta(hours=9))

CIRCULAR: dict[str, Any] = {"password": "secret"}
CIRCULAR["itself"] = CIRCULAR
DEEP: list[Any] = ["secret"]
for _ in range(100_000):
    DEEP = [DEEP]

NAN = "should not contain NaN or Infinity, which JSON cannot represent; use null or text"

NUL = "should not contain NUL characters, which PostgreSQL cannot store"
SURROGATE = "should not contain lone surrogates, which are not valid Unicode"

REFUSED: list[tuple[str, Any, str]] = [
    ("name", "secret\0", NUL),
    ("name", "secret\ud800", SURROGATE),
    ("name", b"secret", "should be text, not bytes"),
    ("name", 7, "should be text, not int"),
    ("name", ["secret"], "should be text, not list"),
    ("timestamp_created", datetime(2024, 1, 1), "should have a timezone; use fractal_models.utils.get_timestamp() or"),  # noqa: DTZ001
    ("timestamp_created", "secret", "should be a datetime, not str"),
    ("timestamp_created", date(2024, 1, 1), "should be a datetime, not date"),
    ("timestamp_created", datetime.min.replace(tzinfo=UTC), "should be between 0001-01-02 and 9999-12-30 UTC"),
    ("timestamp_created", datetime.max.replace(tzinfo=TOKYO), "should be between 0001-01-02 and 9999-12-30 UTC"),
    ("meta", {"secret": "\0"}, NUL),
    ("meta", {"a": [{"secret\0": 1}]}, NUL),
    ("meta", {"secret": "\\\0"}, NUL),
    ("meta", {"secret": "😀 \udc00"}, SURROGATE),
    ("meta", {"secret": nan}, NAN),
    ("meta", {"secret": [{"deep": inf}]}, NAN),
    ("meta", {"secret": (1, -inf)}, NAN),
    ("meta", {"a": {"secret"}}, "Object of type set is not JSON serializable"),
    ("meta", {"a": b"secret"}, "Object of type bytes is not JSON serializable"),
    ("meta", {"a": get_timestamp()}, "Object of type datetime is not JSON serializable"),
    ("meta", {("secret",): 1}, "keys must be str, int, float, bool or None, not tuple"),
    ("meta", CIRCULAR, "Circular reference detected"),
    ("meta", {"secret": DEEP}, "is nested too deeply"),
    ("meta", ["secret"], "should be a dict, not list"),
    ("meta", "secret", "should be a dict, not str"),
    ("meta", 0, "should be a dict, not int"),
    ("history", [{"\ud800": "secret"}], SURROGATE),
    ("history", [{"secret": nan}], NAN),
    ("history", [{"secret"}], "Object of type set is not JSON serializable"),
    ("history", {"secret": 1}, "should be a list, not dict"),
    ("history", ("secret",), "should be a list, not tuple"),
    ("history", "secret", "should be a list, not str"),
]


def construct(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    session.add(Dataset(**{"name": "new", "project_id": dataset.project_id, **values}))
    session.flush()


def assign(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(dataset, name, value)
    session.flush()


def insert_values(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    session.execute(insert(Dataset).values({"name": "new", "project_id": dataset.project_id, **values}))


def insert_in_bulk(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    row = {"name": "new", "project_id": dataset.project_id, **values}
    session.execute(insert(Dataset), [row, row])


def insert_mappings(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    session.bulk_insert_mappings(
        sa.inspect(Dataset).mapper, [{"name": "new", "project_id": dataset.project_id, **values}]
    )


def insert_by_core(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    row = {"name": "new", "project_id": dataset.project_id, **values}
    session.connection().execute(TABLE.insert(), [row, row])


def update_values(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    session.execute(update(Dataset).where(col(Dataset.id) == dataset.id).values(values))


def update_in_bulk(session: Session, dataset: Dataset, values: dict[str, Any]) -> None:
    session.execute(update(Dataset), [{"id": dataset.id, **values}])


Way = Callable[[Session, Dataset, dict[str, Any]], None]

WAYS: list[Way] = [
    construct,
    assign,
    insert_values,
    insert_in_bulk,
    insert_mappings,
    insert_by_core,
    update_values,
    update_in_bulk,
]


@pytest.mark.parametrize(("name", "value", "reason"), REFUSED, ids=[f"{name}-{reason}" for name, _, reason in REFUSED])
def test_what_cannot_be_stored_is_refused_on_every_way_in(session: Session, name: str, value: Any, reason: str) -> None:
    dataset = DatasetFactory.create(session)
    for way in WAYS:
        session.refresh(dataset)
        statements = statement_count(session.get_bind())
        with pytest.raises(UnstorableValueError) as raised:
            way(session, dataset, {name: value})
        assert str(raised.value).startswith(f"dataset.{name}: {reason}"), way
        assert "secret" not in "".join(traceback.format_exception(raised.value))
        assert statements == []
        session.rollback()
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda dataset: dataset.meta.update(new=nan), r"^dataset\.meta: should not contain NaN or Infinity"),
        (
            lambda dataset: dataset.meta.update(new={nan}),
            r"^dataset\.meta: Object of type set is not JSON serializable",
        ),
        (lambda dataset: dataset.meta.update(new=dataset.meta), r"^dataset\.meta: Circular reference detected"),
        (lambda dataset: dataset.history.append(inf), r"^dataset\.history: should not contain NaN or Infinity"),
        (lambda dataset: dataset.history.append(b""), r"^dataset\.history: Object of type bytes"),
        (lambda dataset: dataset.meta.update({"a\0": 1}), rf"^dataset\.meta: {NUL}"),
        (lambda dataset: dataset.meta.update(new=["\ud800"]), rf"^dataset\.meta: {SURROGATE}"),
        (lambda dataset: dataset.history.append({"a": "\ud800"}), rf"^dataset\.history: {SURROGATE}"),
    ],
)
def test_what_cannot_be_stored_is_refused_at_flush_after_an_edit_in_place(
    session: Session, edit: Callable[[Dataset], None], message: str
) -> None:
    dataset = DatasetFactory.create(session)
    session.refresh(dataset)
    statements = statement_count(session.get_bind())
    edit(dataset)
    with pytest.raises(UnstorableValueError, match=message):
        session.flush()
    assert statements == []


def test_a_query_may_not_compare_with_what_no_row_holds(session: Session) -> None:
    for condition in (Dataset.name == "\0", Dataset.timestamp_created == datetime(2024, 1, 1)):  # noqa: DTZ001
        with pytest.raises(UnstorableValueError, match=r"^dataset\."):
            session.exec(select(Dataset).where(condition)).all()


def text_of(session: Session, column: str, table: str = "dataset") -> Any:
    """Text that the database stores in a JSON column."""
    return session.scalar(sa.text(f"SELECT CAST({column} AS TEXT) FROM {table}"))


def test_json_is_stored_as_python_writes_it(session: Session) -> None:
    meta = {"z": 1, "a": {"é": [1.5, None, True, "\n"]}, "\N{SNAKE}": -0.0}
    DatasetFactory.create(session, meta=meta)
    assert text_of(session, "meta") == json.dumps(meta)


@pytest.mark.parametrize("way", [assign, update_values, update_in_bulk])
def test_json_keeps_the_order_of_its_keys(session: Session, way: Way) -> None:
    dataset = DatasetFactory.create(session, meta={"a": 1, "b": 2, "c": {"y": 1, "x": 2}})
    way(session, dataset, {"meta": {"c": {"x": 2, "y": 1}, "b": 2, "a": 1}})
    session.commit()
    assert json.dumps(dataset.meta) == '{"c": {"x": 2, "y": 1}, "b": 2, "a": 1}'


def test_json_has_lists_and_keys_of_text_alone(session: Session) -> None:
    dataset = DatasetFactory.create(session, meta={1: (2, 3), None: True})
    assert dataset.meta == {"1": [2, 3], "null": True}


@pytest.mark.parametrize("way", WAYS)
def test_none_is_null_and_never_json_null(session: Session, way: Way) -> None:
    dataset = DatasetFactory.create(session)
    way(session, dataset, {"meta": None})
    session.commit()
    assert session.scalar(sa.text("SELECT count(*) FROM dataset WHERE meta IS NULL")) > 0
    assert session.scalar(sa.text("SELECT count(*) FROM dataset WHERE CAST(meta AS TEXT) = 'null'")) == 0


def test_none_replaces_a_default(session: Session) -> None:
    task = TaskFactory.create(session, meta=None)
    assert task.meta is None
    assert text_of(session, "meta", "task") is None


def test_an_optional_column_that_is_left_out_is_null(session: Session) -> None:
    task = TaskFactory.create(session)
    assert task.args_schema is None
    assert text_of(session, "args_schema", "task") is None


def test_json_null_cannot_be_asked_for(session: Session) -> None:
    dataset = DatasetFactory.create(session)
    for way in WAYS:
        with pytest.raises(UnstorableValueError, match=r"^dataset\.meta: should be a dict, not "):
            way(session, dataset, {"meta": JSON.NULL})
        session.rollback()


def test_json_null_of_another_writer_reads_as_none(session: Session) -> None:
    dataset = DatasetFactory.create(session)
    session.execute(sa.text("UPDATE dataset SET meta = 'null'"))
    session.refresh(dataset)
    assert dataset.meta is None


def test_queries_reach_into_json(session: Session) -> None:
    dataset = DatasetFactory.create(session, meta={"a": {"b": "x"}}, history=[{"status": "done"}])
    DatasetFactory.create(session, meta={"a": {"b": "y"}}, history=[])
    for path in (
        col(Dataset.meta)["a"]["b"].as_string() == "x",
        col(Dataset.meta)[("a", "b")].as_string() == "x",
        col(Dataset.history)[0]["status"].as_string() == "done",
    ):
        assert session.exec(select(Dataset).where(path)).all() == [dataset]


@pytest.mark.parametrize(
    "condition",
    [
        lambda column: column["a"] == "x",
        lambda column: column["a"].as_integer() > 3,
        lambda column: column["a"].is_(None),
        lambda column: column == sa.cast("{}", JSON),
        lambda column: column["a"].in_(["x", "y"]),
    ],
)
def test_json_is_compared_as_in_a_plain_column(session: Session, condition: Callable[[Any], Any]) -> None:
    dialect = session.get_bind().dialect
    plain = condition(sa.column("meta", JSON())).compile(dialect=dialect)
    strict = condition(sa.column("meta", JSONObject())).compile(dialect=dialect)
    assert (str(strict), strict.params) == (str(plain), plain.params)
    assert [type(bind.type) for bind in strict.binds.values()] == [type(bind.type) for bind in plain.binds.values()]


def test_text_is_stored_in_full(session: Session) -> None:
    text = "é 漢 \N{SNAKE} '\"\\ \t\r\n \x7f" * 10_000
    assert DatasetFactory.create(session, name=text, type="").name == text


def test_an_enumeration_is_stored_as_its_text(session: Session) -> None:
    job = saved(session, ApplyWorkflowFactory.build(status=JobStatusTypeV1.FAILED))
    assert session.scalar(sa.text("SELECT status FROM applyworkflow")) == "failed"
    assert type(job.status) is str
    assert session.exec(select(ApplyWorkflow).where(ApplyWorkflow.status == JobStatusTypeV1.FAILED)).all() == [job]


def test_text_can_be_searched_in_every_way(session: Session) -> None:
    user = UserOAuthFactory.create(session, email="Alice@example.org")
    UserOAuthFactory.create(session, username="bob")
    for condition in (
        func.lower(UserOAuth.email) == "alice@example.org",
        col(UserOAuth.email).like("Alice%"),
        col(UserOAuth.email).in_(["Alice@example.org", None]),
        col(UserOAuth.email) + "!" == "Alice@example.org!",
        col(UserOAuth.username).is_(None),
    ):
        assert session.exec(select(UserOAuth).where(condition)).all() == [user]


@pytest.mark.parametrize("way", WAYS)
def test_a_moment_comes_back_in_utc_from_any_zone(session: Session, way: Way) -> None:
    dataset = DatasetFactory.create(session, timestamp_created=get_timestamp() - timedelta(days=1))
    way(session, dataset, {"timestamp_created": datetime(2024, 7, 1, 5, 30, 0, 123456, ZoneInfo("Asia/Kolkata"))})
    session.commit()

    found = session.exec(select(Dataset.timestamp_created).order_by(col(Dataset.timestamp_created))).first()
    assert found is not None
    assert found == datetime(2024, 7, 1, 0, 0, 0, 123456, UTC)
    assert found.tzinfo is UTC


def test_moments_are_compared_across_zones(session: Session) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    dataset = DatasetFactory.create(session, timestamp_created=moment)
    DatasetFactory.create(session)
    for condition in (
        Dataset.timestamp_created == moment.astimezone(TOKYO),
        Dataset.timestamp_created < (moment + timedelta(seconds=1)).astimezone(TOKYO),
    ):
        assert session.exec(select(Dataset).where(condition)).all() == [dataset]
    assert session.exec(select(func.min(Dataset.timestamp_created))).one() == moment


def test_none_is_no_value_of_a_task_schema(session: Session) -> None:
    task = TaskFactory.create(session, args_schema={"type": "object"})
    task.args_schema = None
    session.commit()
    assert session.exec(select(Task).where(col(Task.args_schema).is_(None))).all() == [task]


def test_escapes_in_text_are_no_characters(session: Session) -> None:
    meta = {"a": "\\u0000", "b": "\\\\u0000", "c": "\\ud800", "😀": "\\\\ud83d😀"}
    dataset = DatasetFactory.create(session, meta=meta)
    session.expire_all()
    assert dataset.meta == meta
    assert session.scalar(sa.select(col(Dataset.meta)["b"].as_string())) == meta["b"]
