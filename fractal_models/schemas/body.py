"""What all API bodies have in common: those that are read, and those that are written."""

from typing import Any, ClassVar, Unpack, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from fractal_models.schemas.descriptions import describe
from fractal_models.utils import redact_input


def _keep_input_out_of_errors(data: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(data)
    except ValidationError as error:
        raise redact_input(error) from None


class Body(BaseModel):
    """What goes over the wire: `class ProjectReadV1(Read, of="Project")` is described as the columns of `Project` are.

    A string below a field describes what is no column, or differs from it.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    _table: ClassVar[str] = ""

    def __init_subclass__(cls, of: str = "", **kwargs: Unpack[ConfigDict]) -> None:
        super().__init_subclass__(**kwargs)
        cls._table = of or cls._table

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Not a `model_validator`, for those of subclasses would stay outside of it.
        schema: Any = dict(handler(source))
        if schema.get("function", {}).get("function") is _keep_input_out_of_errors:
            return cast("CoreSchema", schema)  # a body in a body has it already
        # The name goes to the outermost schema, or OpenAPI repeats the body wherever it is used.
        ref = schema.pop("ref", None)
        return core_schema.no_info_wrap_validator_function(_keep_input_out_of_errors, schema, ref=ref)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        descriptions = describe(cls, cls._table)
        for name, field in handler.resolve_ref_schema(schema).get("properties", {}).items():
            if name in descriptions:
                field.setdefault("description", descriptions[name])
        return schema


class Read(Body):
    """What a client reads: `ProjectReadV1.model_validate(project)` takes it from a row.

    It obeys no rules, for rows may be older than these, and holds no secrets.
    """

    model_config = ConfigDict(from_attributes=True)

    id: int


class Write(Body):
    """What a client writes. What it accepts, the database can store."""

    model_config = ConfigDict(extra="forbid")


class Create(Write):
    """What a client writes for a new row."""


class Update(Write):
    """What a client writes to change a row: what is left out stays as it is."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core, handler)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            # It says None for "left out", which is not the null that a client may send.
            field.pop("default", None)
        return schema
