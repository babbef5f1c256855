"""The OpenAPI document of the example server."""

from typing import Any

import httpx
import pytest

from fractal_models import schemas
from fractal_models.schemas import v1
from tests.support.example_server import Served

BODIES = {
    "ApplyWorkflowCreateV1",
    "ApplyWorkflowReadV1",
    "ApplyWorkflowUpdateV1",
    "DatasetCreateV1",
    "DatasetReadV1",
    "JobStatusTypeV1",
    "OAuthAccountRead",
    "ProjectCreateV1",
    "ProjectReadV1",
    "ResourceCreateV1",
    "ResourceReadV1",
    "TaskCreateV1",
    "TaskReadV1",
    "UserCreate",
    "UserRead",
    "WorkflowCreateV1",
    "WorkflowReadV1",
    "WorkflowTaskCreateV1",
    "WorkflowTaskReadV1",
    "WorkflowTaskStatusTypeV1",
    "WorkflowUpdateV1",
}


@pytest.fixture(scope="package")
def document(shared: Served) -> Any:
    return httpx.get(f"{shared.url}/openapi.json").json()


def test_it_has_every_body_by_its_own_name(document: Any) -> None:
    assert document["components"]["schemas"].keys() & {*v1.__all__, *schemas.__all__} == BODIES


def test_requests_refer_to_bodies_by_name(document: Any) -> None:
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for item in document["paths"].values()
        for operation in item.values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]

    assert {body.get("$ref", "").rpartition("/")[2] for body in bodies} == {
        name for name in BODIES if "Create" in name or "Update" in name
    }


@pytest.mark.parametrize("name", sorted(BODIES))
def test_every_body_and_each_of_its_fields_is_described(document: Any, name: str) -> None:
    body = document["components"]["schemas"][name]

    assert body["description"]
    assert [field for field, schema in body.get("properties", {}).items() if not schema.get("description")] == []


def test_no_answer_has_a_field_for_a_secret(document: Any) -> None:
    fields = {
        f"{name}.{field}"
        for name, body in document["components"]["schemas"].items()
        if "Read" in name
        for field in body["properties"]
    }

    assert not [field for field in fields if any(word in field for word in ("password", "token", "private_key"))]


def test_every_request_is_described(document: Any) -> None:
    own = {path: item for path, item in document["paths"].items() if not path.startswith("/auth/")}

    assert [
        f"{method} {path}"
        for path, item in own.items()
        for method, operation in item.items()
        if "description" not in operation
    ] == []
