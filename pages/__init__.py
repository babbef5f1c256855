"""Generated pages of the documentation: `python -m pages` writes them, a test compares them.

Each module makes pages from one source: the metadata of the tables, docstrings, revisions, the parser of the command
line, or the output of a command.
"""
