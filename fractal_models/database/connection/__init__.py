"""How the database is reached: URLs, engines, errors of drivers."""
