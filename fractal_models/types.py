"""Strict column types.

They reject, before anything is sent, values that one of the two engines cannot store or returns as another value. The
error names table, column and reason.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import JSON, Dialect, Integer, String, TypeDecorator
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine
from sqlmodel import UTCDateTime

from fractal_models.utils import MAX_INTEGER, check_text, json_text


class UnstorableValueError(ValueError, DontWrapMixin):
    """A value that a column cannot store; the message is `table.column: reason`.

    SQLAlchemy does not wrap it in a `StatementError`.
    """


class StrictType:
    """Base of column types whose errors name the column; `Base` sets the label."""

    label: str = "value"

    def reject(self, reason: str) -> NoReturn:
        """Raise an error without the value, which may be a secret, in message or context."""
        message = f"{self.label}: {reason}"
        raise UnstorableValueError(message) from None


class StrictString(StrictType, TypeDecorator[str]):
    """Text of any length, without NUL characters and lone surrogates."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text unchanged.

        Raises:
            UnstorableValueError: It is not text, or contains a NUL character or a lone surrogate.
        """
        if value is None:
            return None
        if not isinstance(value, str):
            self.reject(f"should be text, not {type(value).__name__}")
        try:
            check_text(value)
        except ValueError as error:
            reason = str(error)
        else:
            return value
        self.reject(reason)


class StrictInteger(StrictType, TypeDecorator[int]):
    """Integer of 32 bits, as in PostgreSQL; SQLite alone would also store larger ones, and text."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Return the integer unchanged.

        Raises:
            UnstorableValueError: It is not an int, or needs more than 32 bits.
        """
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.reject(f"should be an int, not {type(value).__name__}")
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            self.reject("should be an integer of at most 32 bits")
        return value


# PostgreSQL returns timestamps in the session's time zone, up to a day from UTC; psycopg cannot read years 0 and 10000.
EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


class StrictDateTime(StrictType, UTCDateTime):
    """Timezone-aware datetime, stored and returned in UTC by both engines."""

    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC.

        Raises:
            UnstorableValueError: It is not a datetime, is naive, or is not between `EARLIEST` and `LATEST`.
        """
        if value is None:
            return None
        if not isinstance(value, datetime):
            self.reject(f"should be a datetime, not {type(value).__name__}")
        if value.utcoffset() is None:
            self.reject("should have a timezone; use fractal_models.utils.get_timestamp() or datetime.now(UTC)")
        if not EARLIEST <= value <= LATEST:
            self.reject("should be between 0001-01-02 and 9999-12-30 UTC")
        return super().process_bind_param(value, dialect)


class StrictJSON(StrictType, TypeDecorator[Any]):
    """JSON text as written by `json.dumps`: keys keep their order, None is NULL.

    Tuples are returned as lists, other keys as text.
    """

    impl = JSON
    cache_ok = True
    # An explicit None is NULL, not the column's default.
    should_evaluate_none = True
    container: type[Any]
    check: Callable[[Any], None] | None

    null_default: Callable[[], Any] | None = None
    """Value that replaces None in a column that cannot be null; `Base` sets it."""

    def __init__(self, check: Callable[[Any], None] | None = None) -> None:
        super().__init__(none_as_null=True)
        self.check = check

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Support `column["key"]` and its comparisons as on plain JSON."""
        return self.impl_instance.coerce_compared_value(op, value)

    def compare_values(self, x: Any, y: Any) -> bool:
        """Compare by identity: equal dicts may differ in the order of keys, or in 1 and True."""
        return x is y

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        """Serialize here rather than in the driver, so that each value is traversed once.

        The `json_serializer` of the engine is not used.
        """

        def process(value: Any) -> str | None:
            if value is None:
                if self.null_default is None:
                    return None
                value = self.null_default()
            if not isinstance(value, self.container):
                self.reject(f"should be a {self.container.__name__}, not {type(value).__name__}")
            try:
                if self.check is not None:
                    self.check(value)
                return json_text(value)
            except RecursionError:
                reason = "is nested too deeply"
            except (ValueError, TypeError) as error:
                reason = str(error)
            self.reject(reason)

        return process


class JSONObject(StrictJSON):
    """JSON object.

    Edits of the dict itself are saved (`meta["a"] = 1`, `update`, `pop`, …). Nested edits are not
    (`meta["a"]["b"] = 1`): assign the attribute again afterwards, also the same dict (`dataset.meta = dataset.meta`).
    """

    cache_ok = True
    container = dict


class JSONArray(StrictJSON):
    """JSON array; edits are saved as in `JSONObject`: `append` is, `history[0]["a"] = 1` is not."""

    cache_ok = True
    container = list
