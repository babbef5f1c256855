"""Text that is no URL of a database gets a line of its own, which does not repeat it; several hosts are understood."""

from collections.abc import Callable

import pytest
from sqlalchemy import URL

from fractal_models.database import UnreachableError, async_url, create_async_engine, create_engine, sync_url
from fractal_models.database.connection.parsing import BAD_PORT, NO_URL, PLAIN_PATH, TWO_SLASHES, UNESCAPED
from fractal_models.database.connection.redaction import masked

REFUSED = {
    "": NO_URL,
    "secret": NO_URL,
    "host=a dbname=secret": NO_URL,
    "postgresql:/me@host/name": NO_URL,
    "postgresql://me:secret@one,,two/name": NO_URL,
    "fractal.db": PLAIN_PATH,
    "/secret/fractal": PLAIN_PATH,
    "../fractal": PLAIN_PATH,
    "~/data/fractal.sqlite3": PLAIN_PATH,
    "sqlite://fractal.db": TWO_SLASHES,
    "postgresql://me:secret@host:port/name": BAD_PORT,
    "postgresql://me:secret@host:0/name": BAD_PORT,
    "postgresql://me:secret@host:99999/name": BAD_PORT,
    "postgresql://me:secret@one:5432,two:secret/name": BAD_PORT,
    "postgresql://me:se:cret/@host:70000/name": BAD_PORT,
    "postgresql://me:sec@ret@host/name": UNESCAPED,
    "postgresql://me:sec,ret@x@one:1,two:2/name": BAD_PORT,
    "mysql://me:secret@host/name": "databases of mysql are not supported; use PostgreSQL or SQLite",
}


@pytest.mark.parametrize("convert", [sync_url, async_url])
@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_text_that_is_no_url_is_refused_with_a_line_of_its_own(
    text: str, message: str, convert: Callable[[str], URL]
) -> None:
    with pytest.raises(UnreachableError) as refused:
        convert(text)

    assert str(refused.value) == message
    assert not {"secret", "cret", "ret@"} & set(message.split())


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://me:pass@one:5433,two:5434/name?target_session_attrs=read-write", ["one:5433", "two:5434"]),
        ("postgresql://one,two/name", ["one:5432", "two:5432"]),
        ("postgres://me@one,two:6000", ["one:5432", "two:6000"]),
        ("postgresql+psycopg://me:p,a/s?s@10.0.0.1,10.0.0.2/name", ["10.0.0.1:5432", "10.0.0.2:5432"]),
        ("postgresql://me@%2Frun%2Fone,%2Frun%2Ftwo/name", ["/run/one:5432", "/run/two:5432"]),
    ],
)
def test_several_hosts_are_written_as_libpq_writes_them(text: str, hosts: list[str]) -> None:
    assert sync_url(text).query["host"] == tuple(hosts)
    assert async_url(text).query["host"] == tuple(hosts)
    assert sync_url(masked(sync_url(text))).query == sync_url(text).query


def test_several_hosts_reach_each_driver_in_its_own_form() -> None:
    text = "postgresql://me@one:5433,two:5434/name?target_session_attrs=prefer-standby"
    _, libpq = create_engine(text).dialect.create_connect_args(sync_url(text))
    asynchronous = create_async_engine(text)
    _, asyncpg = asynchronous.dialect.create_connect_args(asynchronous.url)

    assert (libpq["host"], libpq["port"]) == ("one,two", "5433,5434")
    assert (asyncpg["host"], asyncpg["port"]) == (["one", "two"], [5433, 5434])
    assert libpq["target_session_attrs"] == asyncpg["target_session_attrs"] == "prefer-standby"
