"""The relational database of Fractal: tables, migrations and maintenance.

`fractal_models.models` contains the SQLModel classes, `fractal_models.schemas` the API bodies and enumerations,
`fractal_models.database` the functions for servers and operators.
"""
