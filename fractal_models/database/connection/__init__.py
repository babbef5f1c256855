"""Connections to the database: URLs, engines, and the errors of drivers."""

from importlib import import_module

try:
    import_module("greenlet")  # SQLAlchemy's asynchronous engines need it.
except ImportError as error:
    message = f"greenlet cannot be imported ({error}); run `pip install greenlet`"
    raise ImportError(message) from error
