"""Random requests neither break the example server nor reveal secrets."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok
from sqlalchemy import URL
from sqlmodel import Session

from fractal_models.database import create_engine
from fractal_models.models import UserOAuth, UserSettings
from tests.support.databases import mainly_on
from tests.support.example_clients import PASSWORD, Plan, log_in_elsewhere, new_email, plan, register
from tests.support.example_server import Served, serve_app

HOSTILE = [
    "NaN",
    "-Infinity",
    "1e999",  # infinity, for Python
    str(2**63),
    "9" * 5000,  # more digits than Python reads
    r'"a\u0000b"',
    r'"\ud800"',
    r'{"\ud800": 1}',
    '{"a": [{"b": NaN}]}',
    "[" * 500 + "]" * 500,
    "[" * 100_000 + "]" * 100_000,
    "{",
]
"""Bodies that are sent in place of JSON."""


class Victim:
    """A server with a user who has a project and secrets, and all that is said about them."""

    def __init__(self, server: Served, client: httpx.Client, secrets: set[str]) -> None:
        self.server = server
        self.client = client
        self.secrets = secrets
        self.plan: Plan = plan(client)
        self.statuses: Counter[int] = Counter()

    def check(self, status: int, text: str) -> None:
        """Fail if an answer says too much, or that the server broke."""
        self.statuses[status] += 1
        assert status < 500
        assert [secret for secret in self.secrets if secret in text] == []


@pytest.fixture
def victim(url: URL, provider: Served, tmp_path: Path) -> Iterator[Victim]:
    """A separate server, whose log must stay empty."""
    engine = create_engine(url)
    secrets = {PASSWORD, "$argon2", "provider-token-", "/secret/private-key"}
    with serve_app(url, tmp_path, provider.url) as server, log_in_elsewhere(server), register(server) as client:
        with Session(engine) as session:
            user = session.get_one(UserOAuth, client.get("/users/me").json()["id"])
            user.settings = UserSettings(ssh_private_key_path="/secret/private-key")
            session.add(user)
            session.commit()
        yield Victim(server, client, secrets | {client.headers["Authorization"].partition(" ")[2]})
    engine.dispose()
    assert server.log() == ""


def own_parameters(victim: Victim) -> dict[str, int]:
    """Path and query parameters of the victim's own rows."""
    return {"task_id": 1, "job_id": 1, **victim.plan.parameters}


@mainly_on("sqlite")
def test_random_requests(victim: Victim, thorough: bool) -> None:
    # Few requests need not meet with every answer: what is drawn depends on the constants of all loaded modules, too.
    number, answers = (10_000, {200, 201, 204, 404, 422}) if thorough else (60, {201, 422})
    document = schemathesis.openapi.from_url(f"{victim.server.url}/openapi.json")
    operations = [found.ok() for found in document.get_all_operations() if isinstance(found, Ok)]
    requests = [
        operation.as_strategy(mode) for operation in operations if has_input(operation) for mode in GenerationMode
    ]

    @settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(requests), st.sampled_from([True, True, True, False]))
    def send(case: Case[Any], own: bool) -> None:
        if own:
            aim(case, own_parameters(victim))
        if isinstance(case.body, dict) and isinstance(password := case.body.get("password"), str):
            case.body["password"] = PASSWORD + password
        headers = {"Authorization": victim.client.headers["Authorization"]}
        answer = case.call(base_url=victim.server.url, headers=headers, timeout=60)
        victim.check(answer.status_code, answer.text)
        if case.method == "DELETE" and answer.status_code == 204:
            victim.plan = plan(victim.client, steps=1)

    send()

    print(f"{victim.statuses.total()} requests: {dict(sorted(victim.statuses.items()))}")
    assert victim.statuses.total() >= number
    assert answers <= victim.statuses.keys()


def has_input(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    return any((operation.path_parameters, operation.query, operation.body))


def aim(case: Case[Any], parameters: dict[str, int]) -> None:
    """Replace what a request names by what there is."""
    for place in (case.path_parameters, case.query):
        for name in place.keys() & parameters.keys():
            place[name] = parameters[name]


@mainly_on("postgresql")
def test_values_that_are_hardly_json(victim: Victim, thorough: bool) -> None:
    document = victim.client.get("/openapi.json").json()
    each = count()

    for path, item in document["paths"].items():
        for method, operation in item.items():
            for body in hostile_bodies(document, operation):
                if not thorough and next(each) % 3:
                    continue
                known = own_parameters(victim)
                query = [
                    parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"
                ]
                answer = victim.client.request(
                    method,
                    path.format(**known),
                    params={name: known[name] for name in query},
                    content=body,
                    headers={"Content-Type": "application/json"},
                )
                victim.check(answer.status_code, answer.text)

    print(f"{victim.statuses.total()} requests: {dict(sorted(victim.statuses.items()))}")
    assert victim.statuses.total() > (300 if thorough else 100)


def hostile_bodies(document: Any, operation: Any) -> Iterator[bytes]:
    """Each of `HOSTILE` as the body of a request, and as each field of a body that is fine else."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schema = document["components"]["schemas"][name]
    for hostile in HOSTILE:
        yield hostile.encode()
        for field in schema["properties"]:
            others = {other: new_email() for other in schema.get("required", ()) if other != field}
            rest = "".join(f", {json.dumps(other)}: {json.dumps(value)}" for other, value in others.items())
            yield f"{{{json.dumps(field)}: {hostile}{rest}}}".encode()
