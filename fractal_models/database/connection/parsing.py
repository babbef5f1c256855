"""Parsing of database URLs: errors that say what is wrong with one, and URLs with several hosts."""

from __future__ import annotations

import re
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fractal_models.database.connection.errors import UnreachableError

DEFAULT_PORT = 5432

MAX_PORT = 65535

SEVERAL_HOSTS = re.compile(r"(postgres[\w+]*://(?:[^:/?]*(?::[^@]*)?@)?)([^/?@]*,[^/?@]*)((?:[/?].*)?)", re.DOTALL)
"""A URL of libpq with several hosts: what is before them, the hosts with their ports, and what is after them."""

PATH = re.compile(r"(/|\.{1,2}/|~).*|.*\.(db|sqlite|sqlite3)", re.DOTALL)

NO_URL = "not a database URL; it should look like postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE"

PLAIN_PATH = (
    "a path is not a database URL; write sqlite:///FILE for a relative path, sqlite:////FILE for an absolute one"
)

TWO_SLASHES = "a SQLite URL has three slashes before a relative path, and four before an absolute one: sqlite:///FILE"

BAD_PORT = (
    f"the port in the database URL is not a number from 1 to {MAX_PORT}; in a password, write %3A for :, %2F for / and "
    "%40 for @"
)

UNESCAPED = "the database URL contains an unescaped @; write it as %40"


def parse(url: str | URL) -> URL:
    """Parse a URL; several hosts become the option `host`, as SQLAlchemy takes them.

    Raises:
        UnreachableError: Not a URL, or not of PostgreSQL or SQLite; the message does not repeat it, since it may hold a
            password.
    """
    if isinstance(url, str) and "://" not in url:
        raise UnreachableError(PLAIN_PATH if PATH.fullmatch(url) else NO_URL)
    try:
        parsed = _with_hosts(url)
        backend = parsed.get_backend_name()
    except ArgumentError:
        raise UnreachableError(NO_URL) from None
    except ValueError:
        raise UnreachableError(BAD_PORT) from None
    if backend not in {"postgres", "postgresql", "sqlite"}:
        message = f"databases of {backend} are not supported; use PostgreSQL or SQLite"
        raise UnreachableError(message)
    if "@" in (parsed.host or ""):
        raise UnreachableError(UNESCAPED)
    if backend == "sqlite" and parsed.host:
        raise UnreachableError(TWO_SLASHES)
    if parsed.port is not None and not _is_port(parsed.port):
        raise UnreachableError(BAD_PORT)
    return parsed


def _with_hosts(url: str | URL) -> URL:
    """Parse a URL of one or several hosts.

    Raises:
        ArgumentError: Not a URL.
        ValueError: A port is not a number.
    """
    several = SEVERAL_HOSTS.fullmatch(url) if isinstance(url, str) else None
    if several is None:
        return make_url(url)
    before, hosts, after = several.groups()
    return make_url(before + after).update_query_dict({"host": [_host_and_port(host) for host in hosts.split(",")]})


def _host_and_port(text: str) -> str:
    host, _, port = text.partition(":")
    if not host:
        raise ArgumentError(NO_URL)
    if port and not _is_port(int(port)):
        raise ValueError
    return f"{unquote(host)}:{port or DEFAULT_PORT}"


def _is_port(number: int) -> bool:
    return 0 < number <= MAX_PORT
