"""Base classes of API bodies."""

from typing import Any, ClassVar, Unpack, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from fractal_models.schemas.descriptions import describe
from fractal_models.utils import redact_input


class Body(BaseModel):
    """Base of all bodies: `class ProjectReadV1(Read, of="Project")` has the descriptions of the columns of `Project`.

    A docstring below a field of the body takes precedence.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    _table: ClassVar[str] = ""

    def __init_subclass__(cls, of: str = "", **kwargs: Unpack[ConfigDict]) -> None:
        super().__init_subclass__(**kwargs)
        cls._table = of or cls._table

    @classmethod
    def _validate(cls, data: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(data)
        except ValidationError as error:
            raise redact_input(error) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # A `model_validator` would not enclose the validators of subclasses.
        schema: Any = dict(handler(source))
        if schema.get("function", {}).get("function") == cls._validate:
            return cast("CoreSchema", schema)  # Nested in another body.
        # Without the name on the outermost schema, OpenAPI repeats the body wherever it is used.
        ref = schema.pop("ref", None)
        return core_schema.no_info_wrap_validator_function(cls._validate, schema, ref=ref)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        descriptions = describe(cls, cls._table)
        for name, field in handler.resolve_ref_schema(schema).get("properties", {}).items():
            if name in descriptions:
                field.setdefault("description", descriptions[name])
        return schema


class Response(Body):
    """Response body: `ProjectReadV1.model_validate(project)` creates it from a row.

    It is not validated by the rules of requests, because rows may be older than these. It contains no secrets.
    """

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def _validate(cls, data: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
        values = getattr(data, "__dict__", {})
        complete = "_sa_instance_state" in values and cls.__pydantic_fields__.keys() <= values.keys()
        if complete and cls.model_config.get("extra", "ignore") == "ignore":
            data = values
        try:
            return handler(data)
        except ValidationError as error:
            raise redact_input(error) from None


class Read(Response):
    """Response body for a row with an ID."""

    id: int


class StoredBody(Body):
    """Part of a body that a row stores as JSON: complete, also in `model_dump(exclude_unset=True)`."""

    def model_post_init(self, context: Any, /) -> None:
        """Count defaults as given."""
        self.__pydantic_fields_set__.update(type(self).__pydantic_fields__)


class Write(Body):
    """Request body: any valid one can be stored by the database."""

    model_config = ConfigDict(extra="forbid")


class Create(Write):
    """Request body for a new row."""


class Update(Write):
    """Request body for a change of a row; omitted fields keep their values."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core, handler)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            # None stands for "omitted", not for a null that a client may send.
            field.pop("default", None)
        return schema
