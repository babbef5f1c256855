"""What `doctor --for-server` says of the upgrades of later releases of fractal-server."""

import json

import pytest
from sqlalchemy import URL

from fractal_models.database import BlockedByDataError
from fractal_models.database.connection.engine import connect
from fractal_models.database.inspection.for_server import examine_for_server, known_release
from fractal_models.database.inspection.later_releases import CHANGES
from tests.support.commandline import run
from tests.support.databases import upgrade
from tests.support.dumps import snapshot
from tests.support.server_2_9 import BASELINE

BREAKING = [
    # Attributes that are no scalars, in a dataset and in a dump; the others are.
    """UPDATE datasetv2 SET filters = '{"attributes": {"well": ["A01"], "n": 1}, "types": {}}' WHERE id = 1""",
    """UPDATE datasetv2 SET filters = '{"attributes": {"well": "A01"}, "types": {"3D": true}}' WHERE id = 2""",
    """UPDATE jobv2 SET dataset_dump = '{"id": 1, "filters": {"attributes": {"a": null}}}' WHERE id = 1""",
    """UPDATE jobv2 SET dataset_dump = '{"id": 2, "filters": {"attributes": {"a": "b"}}}' WHERE id = 2""",
    """UPDATE jobv2 SET dataset_dump = '{"images": [], "id": 3}' WHERE id = 3""",
    """UPDATE datasetv2 SET history = '[{"workflowtask": {"input_filters": {"types": {}}}}]' WHERE id = 1""",
    """UPDATE datasetv2 SET history = '[{"workflowtask": {"id": 1, "input_filters": {}}}]' WHERE id = 2""",
    """UPDATE workflowtaskv2 SET input_filters = '{"attributes": {"a": "b"}, "types": {}}' WHERE id = 1""",
    """UPDATE workflowtaskv2 SET input_filters = '{"attributes": {}, "types": {"3D": true}}' WHERE id = 2""",
    "UPDATE user_settings SET cache_dir = NULL WHERE id = 3",
    "UPDATE taskgroupv2 SET wheel_path = '/wheel', pip_freeze = NULL WHERE id = 1",
    "UPDATE taskgroupv2 SET pinned_package_versions = '{}' WHERE id = 2",
    # User 3 is not active, so the data script passes over the settings.
    "UPDATE user_oauth SET is_active = false, username = NULL WHERE id = 3",
    "UPDATE user_settings SET project_dir = NULL, slurm_user = NULL, ssh_host = NULL WHERE id = 3",
    "UPDATE user_settings SET project_dir = 'relative', ssh_jobs_dir = '' WHERE id = 1",
    """UPDATE user_settings SET slurm_accounts = '["a", "b", "a"]', slurm_user = NULL WHERE id = 2""",
    "UPDATE user_settings SET ssh_username = 'user1' WHERE id IN (2, 3)",
    "INSERT INTO linkuserprojectv2 (project_id, user_id) VALUES (2, 1)",
    "UPDATE usergroup SET viewer_paths = '[]' WHERE id = 1",
    'UPDATE taskgroupv2 SET "venv_size_in_kB" = NULL, venv_file_number = NULL WHERE id = 1',
    'UPDATE taskgroupv2 SET "venv_size_in_kB" = NULL WHERE id = 2',
    "UPDATE taskv2 SET source = 'somewhere' WHERE id = 3",
    "UPDATE taskgroupv2 SET path = '/tasks/2' WHERE id = 3",
    "UPDATE taskgroupactivityv2 SET taskgroupv2_id = 1 WHERE id = 2",
    "UPDATE taskgroupactivityv2 SET action = 'reactivate', taskgroupv2_id = 3 WHERE id = 3",
    "INSERT INTO taskgroupactivityv2 (user_id, taskgroupv2_id, pkg_name, version, status, action, timestamp_started)"
    " VALUES (1, 3, 'package-3', '1.0', 'OK', 'collect', '2024-03-05 14:21:07')",
    "UPDATE taskv2 SET version = NULL WHERE id = 1",
    "UPDATE taskgroupv2 SET version = NULL WHERE id = 2",
    "UPDATE taskv2 SET name = 'task 1', taskgroupv2_id = 1 WHERE id = 2",
]
SUBMITTED_TWICE = "UPDATE jobv2 SET status = 'submitted', dataset_id = 2 WHERE id = 3"
"""The schema at head does not allow it."""

ALL = [1, 2, 3]
V1 = ["applyworkflow", "dataset", "linkuserproject", "project", "resource", "state", "task", "workflow", "workflowtask"]

EXPECTED = [
    ("2.9.2", "loses", "user_settings", "cache_dir", [1, 2]),
    ("2.11.0", "stops", "datasetv2", "an attribute in filters", [1]),
    ("2.11.0", "stops", "jobv2", "an attribute in dataset_dump", [1]),
    ("2.11.0", "stops", "datasetv2", "an entry of its history", [2]),
    ("2.11.0", "stops", "jobv2", "holds history or images", [3]),
    ("2.11.0", "loses", "workflowtaskv2", "filters by attributes", [1]),
    ("2.11.1", "loses", "datasetv2", "filters in filters", [1, 2]),
    ("2.11.1", "loses", "workflowtaskv2", "filters in input_filters", [1, 2]),
    *(("2.12.0", "loses", table, "version 1", [(n, n) for n in ALL] if "link" in table else ALL) for table in V1),
    ("2.14.0", "loses", "datasetv2", "attribute_filters and type_filters", [1, 2]),
    ("2.15.0", "renames", "taskgroupv2", "wheel_path in archive_path", [1]),
    ("2.15.0", "renames", "taskgroupv2", "pip_freeze in env_info", [2, 3]),
    ("2.16.0", "renames", "taskgroupv2", "pinned_package_versions", [1, 3]),
    ("2.17.0", "stops", "user_oauth", "absolute project_dir", [1]),
    ("2.17.0", "stops", "user_oauth", "empty or repeated slurm_accounts", [2]),
    ("2.17.0", "may stop", "user_oauth", "no slurm_user", [2]),
    ("2.17.0", "may stop", "user_oauth", "lacks one of ssh_username", [1]),
    ("2.17.0", "may stop", "user_oauth", "shares ssh_username", [1, 2]),
    ("2.17.0", "loses", "user_oauth", "username", [1, 2]),
    ("2.17.1", "loses", "user_settings", "is dropped", ALL),
    ("2.18.0", "stops", "projectv2", "several users", [2]),
    ("2.18.0", "stops", "jobv2", "several submitted jobs", [2, 3]),
    ("2.18.0", "loses", "usergroup", "viewer_paths", [2, 3]),
    ("2.18.2", "loses", "taskgroupv2", "venv_size_in_kB or venv_file_number", [2, 3]),
    ("2.19.0", "loses", "datasetv2", "history", [1, 2]),
    ("2.19.0", "loses", "taskv2", "source", [3]),
    ("2.20.0", "may stop", "taskgroupv2", "shares its path", [2, 3]),
    ("2.20.0", "stops", "taskgroupv2", "several activities", [1]),
    ("2.23.1", "may stop", "taskv2", "no version", [1]),
    ("2.23.1", "may stop", "taskgroupv2", "no version", [2]),
    ("2.23.3", "stops", "taskv2", "shares its name", [1, 2]),
]


def execute(url: URL, *statements: str) -> None:
    with connect(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


Found = list[tuple[str, str, str, list[object]]]


def found(url: URL, release: str = "2.24") -> Found:
    return [
        (each.change.release, each.change.effect.value, each.change.table, list(each.keys))
        for each in examine_for_server(url, release).concerned
    ]


def expected(*, without: str = "nothing") -> Found:
    return [(*key, keys) for *key, reason, keys in EXPECTED if without not in reason]  # type: ignore[misc]


def test_every_change_is_expected_in_its_order() -> None:
    assert len(CHANGES) == len(EXPECTED)
    for change, (release, effect, table, reason, _) in zip(CHANGES, EXPECTED, strict=True):
        assert (change.release, change.effect, change.table) == (release, effect, table)
        assert reason in change.reason
        assert bool(change.remedy) == (effect != "renames")


def test_rows_are_found_at_2_9_and_at_head(site_url: URL) -> None:
    execute(site_url, *BREAKING, SUBMITTED_TWICE)
    before = snapshot(site_url)

    assert found(site_url) == expected()
    assert snapshot(site_url) == before

    execute(site_url, "UPDATE jobv2 SET status = 'failed' WHERE id = 3")
    upgrade(site_url)
    assert found(site_url) == expected(without="several submitted jobs")
    assert found(site_url, "2.10") == expected()[:1]
    assert {each[0] for each in found(site_url, "2.11.0")} == {"2.9.2", "2.11.0"}


def test_command_prints_them_and_ends_with_the_code_of_blocking_rows(site_url: URL) -> None:
    execute(site_url, "UPDATE user_settings SET slurm_accounts = '[\"\"]' WHERE id = 2")

    printed, as_json = (run("doctor", "--for-server", "2.17", *flags, url=site_url) for flags in ([], ["--json"]))

    assert (printed.code, as_json.code) == (4, 4)
    lines = printed.out.splitlines()
    assert "2.12.0 loses: workflow 1, 2, 3: is dropped with everything of version 1" in printed.out
    assert [line for line in lines if " stops: " in line] == [
        "2.17.0 stops: user_oauth 2: is active and verified, and has empty or repeated slurm_accounts. "
        "Correct the list in the settings of the user, or deactivate the user."
    ]
    assert "would stop at 2.17.0" in printed.err
    assert ("PostgreSQL only" in printed.out) == (site_url.get_backend_name() == "sqlite")
    facts = json.loads(as_json.out)
    assert (facts["for_server"], facts["state"]) == ("2.17.2", "server_2_9")
    assert {
        "release": "2.17.0",
        "effect": "stops",
        "table": "user_oauth",
        "number": 1,
        "rows": [2],
        "reason": "is active and verified, and has empty or repeated slurm_accounts",
        "remedy": "Correct the list in the settings of the user, or deactivate the user",
    } in facts["changes"]


def test_losses_alone_are_no_error(url: URL) -> None:
    execute(url, "INSERT INTO state (id) VALUES (1)")

    outcome = run("doctor", "--for-server", "2.24", url=url)

    assert (outcome.code, outcome.err) == (0, "")
    assert f"run `fractal-models downgrade {BASELINE}` first" in outcome.out
    assert "2.12.0 loses: state 1: " in outcome.out


def test_many_rows_are_counted(sqlite_url: URL) -> None:
    execute(sqlite_url, *(f"INSERT INTO state (id) VALUES ({n})" for n in range(1, 31)))

    (concerned,) = examine_for_server(sqlite_url, "2.12.0").concerned

    assert (concerned.number, concerned.keys) == (30, tuple(range(1, 21)))
    assert "19, 20, … (30 in all): is dropped" in str(concerned)


def test_drifted_schema_is_examined_as_far_as_it_goes(sqlite_site: URL) -> None:
    execute(sqlite_site, "ALTER TABLE usergroup DROP COLUMN viewer_paths")

    outcome = run("doctor", "--for-server", "2.24", url=sqlite_site)

    assert outcome.code == 6
    assert "column usergroup.viewer_paths is missing" in outcome.err
    assert "2.9.2 loses: user_settings" in outcome.out


def test_database_without_rows_to_examine_is_refused(empty_url: URL) -> None:
    outcome = run("doctor", "--for-server", "2.24", url=empty_url)

    assert outcome.code in {3, 7}


def test_json_that_postgresql_cannot_read_is_passed_over(early_url: URL) -> None:
    execute(early_url, r"""UPDATE jobv2 SET dataset_dump = '{"images": "\u0000"}' WHERE id = 1""")

    assert ("2.11.0", "stops", "jobv2", [1]) not in found(early_url)


def test_findings_are_raised_for_programs(sqlite_site: URL) -> None:
    execute(sqlite_site, "INSERT INTO linkuserprojectv2 (project_id, user_id) VALUES (2, 1)")

    with pytest.raises(BlockedByDataError, match=r"2\.24\.2 would stop at 2\.18\.0") as raised:
        examine_for_server(sqlite_site, "2.24").raise_for_findings()

    assert raised.value.status is not None


@pytest.mark.parametrize(
    ("name", "release"), [("2.24", "2.24.2"), ("2.10", "2.10.6"), ("2.14.3", "2.14.3"), ("2.9", "2.9.2")]
)
def test_series_is_its_last_release(name: str, release: str) -> None:
    assert known_release(name) == release


@pytest.mark.parametrize("name", ["2.9.1", "2.8", "3.0", "2.24.9", "2", "2.14.x", "later", ""])
def test_unknown_release_is_a_mistake_on_the_command_line(name: str, sqlite_url: URL) -> None:
    outcome = run("doctor", "--for-server", name, url=sqlite_url)

    assert outcome.code == 2
    assert "known are 2.9.2 to 2.24.2, or a series: 2.9, 2.10, 2.11" in outcome.err
