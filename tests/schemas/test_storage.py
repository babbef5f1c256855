"""Random bodies: each can be stored and read on both engines, or is rejected with a message."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from hypothesis.provisional import urls
from pydantic import BaseModel, ValidationError
from sqlmodel import Session

from fractal_models.schemas.body import Create
from tests.schemas.test_updates import NO_COLUMNS
from tests.support.bodies import LEAST, REQUIRED, ROWS, UPDATES, WRITES, least_row, model_of, read_of, row_of

characters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.text(characters, max_size=20)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)

strange: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([2**31, -(2**63), 10**4000, "\0", "\ud800", " ", "/", "s3://", "http://", "1.0"])
    | st.text(st.characters(), max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=4), inner),
    max_leaves=8,
)


def values_of(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the JSON Schema allows; rules that it cannot express reject some of them."""
    match schema:
        case {"$ref": reference}:
            return values_of(definitions[reference.rpartition("/")[2]], definitions)
        case {"anyOf": options}:
            return st.one_of(*(values_of(option, definitions) for option in options))
        case {"enum": members}:
            return st.sampled_from(members)
        case {"type": "string"}:
            return strings_of(schema)
        case {"type": "array", "items": items}:
            return st.lists(values_of(items, definitions), max_size=3, unique=schema.get("uniqueItems", False))
        case {"type": "object"}:
            return objects_of(schema, definitions)
        case {"type": "integer", "minimum": low, "maximum": high}:
            return st.integers(low, high)
        case {"type": simple} if simple in SIMPLE:
            return SIMPLE[simple]
    return st.dictionaries(texts, json_values, max_size=4)


SIMPLE = {"null": st.none(), "boolean": st.booleans(), "integer": numbers, "number": numbers}


def strings_of(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    match schema:
        case {"format": "email"}:
            return st.from_regex(r"[a-zA-Z][a-z0-9.+]{0,5}[a-z0-9]@[a-zA-Z]{1,8}\.(org|COM)", fullmatch=True)
        case {"format": "uri"}:
            return urls()
        case {"pattern": pattern}:
            return st.from_regex(re.compile(pattern), fullmatch=True, alphabet=characters)
        case {"minLength": 1}:
            return texts.filter(str.strip)
    return texts


def objects_of(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    match schema:
        case {"properties": properties}:
            required = set(schema.get("required", ()))
            strategies = {name: values_of(field, definitions) for name, field in properties.items()}
            return st.fixed_dictionaries(
                {name: strategy for name, strategy in strategies.items() if name in required},
                optional={name: strategy for name, strategy in strategies.items() if name not in required},
            )
        case {"additionalProperties": dict() as inner}:
            keys = values_of(schema.get("propertyNames", {"type": "string"}), definitions)
            return st.dictionaries(keys, values_of(inner, definitions), max_size=3)
    return st.dictionaries(texts, json_values, max_size=4)


def bodies_of(body: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    schema = body.model_json_schema()
    return values_of(schema, schema.get("$defs", {}))


@pytest.mark.parametrize("create", ROWS, ids=lambda create: create.__name__)
def test_whatever_is_accepted_is_stored_and_read(session: Session, create: type[Create]) -> None:
    read = read_of(model_of(create))

    @given(bodies_of(create))
    def store_and_read(values: dict[str, Any]) -> None:
        try:
            body = create.model_validate(LEAST[create] | values)
        except ValidationError:
            reject()
        row = row_of(session, body)
        session.flush()
        session.refresh(row)
        shown = read.model_validate(row)
        given, written = json.loads(shown.model_dump_json()), body.model_dump(mode="json")
        for name in read.model_fields.keys() & written.keys() - {"order", "user_id", "user_group_id"}:
            if written[name] is not None:
                assert given[name] == written[name]
        session.rollback()

    store_and_read()


@pytest.mark.parametrize("update", [name for name, update in UPDATES.items() if update._table])
def test_whatever_an_update_accepts_is_stored_and_read(session: Session, update: str) -> None:
    model = model_of(UPDATES[update])
    key = least_row(session, model).id

    @given(bodies_of(UPDATES[update]))
    def change_and_read(values: dict[str, Any]) -> None:
        try:
            body = UPDATES[update].model_validate(REQUIRED.get(update, {}) | values)
        except ValidationError:
            reject()
        changes = body.model_dump(exclude_unset=True, exclude=NO_COLUMNS)
        row = session.get_one(model, key)
        changes.pop("user_group_id", None)
        row.sqlmodel_update(changes)
        session.flush()
        session.refresh(row)
        shown = read_of(model).model_validate(row).model_dump()
        for name in changes.keys() & shown.keys():
            assert shown[name] == changes[name]
        session.rollback()

    change_and_read()


@pytest.mark.parametrize("name", WRITES)
@given(data=st.data())
def test_anything_else_is_refused_in_words_that_can_be_sent(name: str, data: st.DataObject) -> None:
    body = WRITES[name]
    known = st.sampled_from([*body.model_fields, "other"])
    values = data.draw(st.dictionaries(known, strange) | strange)
    try:
        body.model_validate(values)
    except ValidationError as error:
        lines = error.errors()
    else:
        lines = []
    json.dumps(lines, allow_nan=False, ensure_ascii=False).encode()
    assert {line["input"] for line in lines} <= {"***"}
