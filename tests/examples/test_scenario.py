"""The example's README.md over HTTP, with races, invalid requests and requests of other users."""

from functools import partial

import httpx
import pytest
from sqlmodel import Session, col, func, select

from fractal_models.models import ApplyWorkflow, OAuthAccount, UserOAuth
from tests.support.example_clients import (
    PASSWORD,
    at_once,
    created,
    log_in,
    log_in_elsewhere,
    new_email,
    plan,
    register,
)
from tests.support.example_server import Served

ROUNDS = 10
"""Number of runs of each race."""


def test_a_user_who_has_registered_logs_in_with_the_password(client: httpx.Client) -> None:
    assert client.get("/users/me").json()["oauth_accounts"] == []


def test_an_e_mail_address_logs_in_whatever_its_case(shared: Served, client: httpx.Client) -> None:
    user = client.get("/users/me").json()

    with log_in(shared, user["email"].upper()) as again:
        assert again.get("/users/me").json() == user


@pytest.mark.parametrize("username", ["nobody@example.org", "nobody\0@example.org"])
def test_nobody_logs_in_as_somebody_else(shared: Served, username: str) -> None:
    answer = httpx.post(f"{shared.url}/auth/login", data={"username": username, "password": PASSWORD})

    assert (answer.status_code, answer.json()["detail"]) == (400, "LOGIN_BAD_CREDENTIALS")


def test_nobody_makes_themselves_an_administrator(shared: Served) -> None:
    body = {"email": new_email(), "password": PASSWORD, "is_superuser": True, "is_verified": True}
    answer = httpx.post(f"{shared.url}/auth/register", json=body)

    assert (answer.status_code, answer.json()["is_superuser"], answer.json()["is_verified"]) == (201, False, False)


@pytest.mark.parametrize("path", ["/users/me", "/projects", "/projects/1/jobs"])
def test_who_has_not_logged_in_sees_nothing(shared: Served, path: str) -> None:
    assert httpx.get(f"{shared.url}{path}").status_code == 401


def test_the_identity_provider_vouches_for_a_new_and_for_a_returning_user(shared: Served, rows: Session) -> None:
    with log_in_elsewhere(shared) as client:
        new = client.get("/users/me").json()
    with log_in_elsewhere(shared) as client:
        returning = client.get("/users/me").json()
    accounts = rows.exec(select(OAuthAccount).where(OAuthAccount.user_id == new["id"])).all()

    assert returning["id"] == new["id"]
    assert new["email"] == "lou@example.org"
    assert [account["account_email"] for account in new["oauth_accounts"]] == ["lou@example.org"]
    assert [account.access_token[:15] for account in accounts] == ["provider-token-"]
    assert "provider-token-" not in str(new)


def test_a_log_in_that_began_elsewhere_is_refused(shared: Served, client: httpx.Client) -> None:
    begun = httpx.get(f"{shared.url}/auth/demo/authorize")
    provider = begun.json()["authorization_url"]
    own_login = client.headers["Authorization"].partition(" ")[2]

    def come_back(**changes: str) -> httpx.Response:
        back = httpx.URL(httpx.get(provider).headers["location"])
        return httpx.get(back.copy_merge_params(changes))

    refused = [come_back(), come_back(state=own_login), come_back(state="x"), come_back(code="x"), come_back(error="x")]
    assert [answer.status_code for answer in refused] == [400] * 5


def test_a_project_belongs_to_who_created_it(shared: Served, client: httpx.Client) -> None:
    planned = plan(client)

    with register(shared) as stranger:
        assert stranger.get("/projects").json() == []
        assert stranger.get(f"{planned.project}/jobs").status_code == 404
        assert stranger.delete(planned.project).status_code == 404
        assert stranger.patch(planned.workflow, json={}).status_code == 404
        assert stranger.post(planned.jobs, json={}).status_code == 404
    assert planned.id in [project["id"] for project in client.get("/projects").json()]


def test_a_part_of_one_project_is_not_reached_through_another(client: httpx.Client) -> None:
    planned, other = plan(client), plan(client)
    jobs = planned.jobs.replace(planned.workflow, other.workflow)

    assert client.post(jobs, json={}).status_code == 404
    assert client.patch(planned.workflow.replace(planned.project, other.project), json={}).status_code == 404


def test_steps_are_put_before_others_and_moved_about(client: httpx.Client) -> None:
    planned = plan(client, steps=3)
    first, second, third = planned.steps
    task = created(client, "/tasks", name="x", source=planned.workflow, command="x", input_type="x", output_type="x")

    filled = created(client, f"{planned.workflow}/steps?task_id={task['id']}", order=1, args={"sigma": 2})
    new = filled["task_list"][1]["id"]
    moved = client.patch(planned.workflow, json={"reordered_workflowtask_ids": [third, new, first, second]}).json()

    assert [step["id"] for step in filled["task_list"]] == [first, new, second, third]
    assert [(step["order"], step["id"]) for step in moved["task_list"]] == list(enumerate([third, new, first, second]))
    assert moved["task_list"][1]["args"] == {"sigma": 2}


@pytest.mark.parametrize("change", ["one missing", "one of another workflow"])
def test_steps_are_moved_all_together_or_not_at_all(client: httpx.Client, change: str) -> None:
    planned = plan(client)
    ids = planned.steps[:1] if change == "one missing" else [planned.steps[0], plan(client).steps[0]]

    assert client.patch(planned.workflow, json={"reordered_workflowtask_ids": ids}).status_code == 422


def test_steps_that_two_move_at_the_same_moment_stay_in_a_row(client: httpx.Client) -> None:
    planned = plan(client, steps=3)
    first, second, third = planned.steps

    for _ in range(ROUNDS):
        move = [[second, first, third], [first, third, second]]
        at_once(*(partial(client.patch, planned.workflow, json={"reordered_workflowtask_ids": ids}) for ids in move))
        steps = client.patch(planned.workflow, json={}).json()["task_list"]

        assert [step["order"] for step in steps] == [0, 1, 2]
        assert [step["id"] for step in steps] in move


def test_a_task_of_a_source_that_another_one_has_is_refused(client: httpx.Client) -> None:
    body = {"name": "x", "source": new_email(), "command": "x", "input_type": "x", "output_type": "x"}

    assert [client.post("/tasks", json=body).status_code for _ in range(2)] == [201, 409]


def test_of_two_submissions_at_the_same_moment_one_is_refused(client: httpx.Client) -> None:
    planned = plan(client)

    for _ in range(ROUNDS):
        answers = at_once(*[partial(client.post, planned.jobs, json={})] * 2)
        job, refusal = sorted(answers, key=lambda answer: answer.status_code)
        assert (job.status_code, refusal.status_code) == (201, 409)

        ended = client.patch(f"{planned.project}/jobs/{job.json()['id']}", json={"status": "done"})
        assert (ended.json()["status"], ended.json()["end_timestamp"] is None) == ("done", False)
    assert len(client.get(f"{planned.project}/jobs").json()) == ROUNDS


@pytest.mark.parametrize(
    ("steps", "body"),
    [(0, {}), (2, {"first_task_index": 2}), (2, {"last_task_index": 2}), (2, {"first_task_index": 1000000000})],
)
def test_a_job_runs_steps_that_there_are(client: httpx.Client, steps: int, body: dict[str, int]) -> None:
    assert client.post(plan(client, steps).jobs, json=body).status_code == 422


def test_a_job_keeps_copies_of_what_is_deleted_afterwards(client: httpx.Client, rows: Session) -> None:
    planned = plan(client)
    job = created(client, planned.jobs, last_task_index=0, worker_init="module load python")

    assert client.delete(planned.project).status_code == 204
    assert planned.id not in [project["id"] for project in client.get("/projects").json()]

    kept = rows.get_one(ApplyWorkflow, job["id"])
    assert (kept.project_id, kept.workflow_id, kept.input_dataset_id, kept.output_dataset_id) == (None,) * 4
    assert [step["id"] for step in kept.workflow_dump["task_list"]] == planned.steps
    assert [resource["path"] for resource in kept.input_dataset_dump["resource_list"]] == ["/data/plate-1"]
    assert kept.project_dump["name"] == "Embryo screen"
    assert (kept.last_task_index, kept.worker_init) == (0, "module load python")


def test_of_two_who_register_with_one_address_at_the_same_moment_one_is_refused(shared: Served, rows: Session) -> None:
    for _ in range(3):
        email = new_email()
        bodies = [{"email": address, "password": PASSWORD} for address in (email, email.replace("user", "USER"))]
        answers = at_once(*(partial(httpx.post, f"{shared.url}/auth/register", json=body) for body in bodies))

        assert sorted(answer.status_code for answer in answers) in ([201, 400], [201, 409])
        assert rows.exec(select(func.count()).where(func.lower(col(UserOAuth.email)) == email)).one() == 1
