"""The relational database of Fractal: its tables, its migrations, its upkeep.

`fractal_models.models` holds the SQLModel classes, `fractal_models.schemas` the pydantic bases and
enumerations, `fractal_models.database` what servers and operators call.
"""
