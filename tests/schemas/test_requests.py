"""Bodies in a plain FastAPI application: status 422, not 500, for invalid requests, and complete `/docs`."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import Session

from fractal_models.schemas import UserCreate, UserRead
from fractal_models.schemas.v1 import ProjectReadV1, TaskCreateV1
from fractal_models.schemas.v2 import DatasetCreateV2, DatasetUpdateV2
from fractal_models.testing.factories import ProjectFactory, UserOAuthFactory
from tests.support.bodies import BODIES, WRITES


def application() -> FastAPI:
    """Server that accepts bodies without storing them."""
    app = FastAPI()

    @app.post("/users")
    def create_user(body: UserCreate) -> None: ...

    @app.post("/tasks")
    def create_task(body: TaskCreateV1) -> None: ...

    @app.post("/pairs")
    def create_pair(body: UserCreate, task: TaskCreateV1) -> None: ...

    return app


async def request(app: FastAPI, method: str, path: str, body: str = "") -> tuple[int, Any]:
    """Send a request through ASGI; return status and response."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def post(path: str, body: str) -> tuple[int, Any]:
    return await request(application(), "POST", path, body)


NASTY = [
    "NaN",
    "[]",
    '{"name": NaN}',
    '{"name": "a", "meta": {"a": Infinity}}',
    '{"name": "\\ud800", "meta": {"\\ud800": "\\udfff"}}',
    '{"name": "a\\u0000b"}',
    '{"\\ud800": 1}',
    '{"meta": ' + '{"a": ' * 300 + "1" + "}" * 301,
    '{"version": 1e400, "password": NaN}',
]


@pytest.mark.parametrize("path", ["/users", "/tasks", "/pairs"])
@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
async def test_a_nasty_request_is_refused_in_order(path: str, body: str) -> None:
    body = body if path != "/pairs" else f'{{"body": {body}, "task": {body}}}'
    status, answer = await post(path, body)
    assert status == 422
    assert answer["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"password": "planted-secret"},
        {"email": "nobody", "password": "planted-secret"},
        {"email": "a@example.org", "password": "planted-secret\0"},
        {"email": "a@example.org", "password": ["planted-secret"]},
        {"email": "a@example.org", "pasword": "planted-secret"},
        "planted-secret",
    ],
)
async def test_an_answer_does_not_repeat_a_password(body: Any) -> None:
    status, answer = await post("/users", json.dumps(body))
    assert status == 422
    assert "planted" not in json.dumps(answer)


async def test_an_answer_says_what_is_wrong_and_where() -> None:
    body = {"name": " ", "command": "run", "source": "s", "input_type": "Any", "docs_link": "example.org"}
    _, answer = await post("/tasks", json.dumps(body))
    assert [(line["loc"], line["msg"]) for line in answer["detail"]] == [
        (["body", "name"], "String should have at least 1 character"),
        (["body", "output_type"], "Field required"),
        (["body", "docs_link"], "should be a URL that starts with http:// or https://"),
    ]


async def test_a_good_request_passes() -> None:
    assert await post("/users", json.dumps({"email": "a@example.org", "password": "p"})) == (200, None)


def test_the_documentation_of_the_api_describes_every_field_of_every_body() -> None:
    app = FastAPI()
    for name, body in BODIES.items():

        def endpoint(body: Any) -> Any: ...

        endpoint.__annotations__ = {"body": body} if name in WRITES else {"body": None, "return": body}
        app.post(f"/{name}")(endpoint)

    shown = app.openapi()["components"]["schemas"]
    assert set(BODIES) <= set(shown)
    for name in BODIES:
        described = [shown[name], *shown[name]["properties"].values()]
        assert [part["title"] for part in described if not part.get("description")] == []


def test_the_documentation_of_the_api_names_each_body_where_it_is_used() -> None:
    app = FastAPI()

    @app.post("/datasets")
    def create(body: DatasetCreateV2) -> None: ...

    @app.put("/datasets")
    def update(body: DatasetUpdateV2) -> None: ...

    shown = app.openapi()
    for method, name in {"post": "DatasetCreateV2", "put": "DatasetUpdateV2"}.items():
        content = shown["paths"]["/datasets"][method]["requestBody"]["content"]
        assert content["application/json"]["schema"] == {"$ref": f"#/components/schemas/{name}"}
        field = shown["components"]["schemas"][name]["properties"]["filters"]
        assert field["$ref"] == "#/components/schemas/Filters"
        assert field["description"].startswith("Filters for the images of the next task")


async def test_a_row_is_an_answer(session: Session) -> None:
    app = FastAPI()
    user, project = UserOAuthFactory.create(session), ProjectFactory.create(session)
    keys = {"/user": user.id, "/project": project.id}

    @app.get("/user", response_model=UserRead)
    def read_user() -> Any:
        return user

    @app.get("/project", response_model=ProjectReadV1)
    def read_project() -> Any:
        return project

    for path, key in keys.items():
        status, answer = await request(app, "GET", path)
        assert (status, answer["id"]) == (200, key)
