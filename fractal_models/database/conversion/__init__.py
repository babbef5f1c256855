"""Conversion of databases of fractal-server before 2.9 to the baseline, in one transaction of either engine.

`fractal-models upgrade head --convert [--task-owner E-MAIL]` runs it, then the later revisions. The columns that are
there decide what is done, not the revision.

1. `preflight` refuses what cannot be converted, before anything is changed.
2. `postgresql` widens the tables to all columns of the baseline, in place; `sqlite` renames them and creates new ones.
3. Table by table, parents first: Python changes the rows that need more than SQL (`users`, `task_groups`, `jobs`).
   Then SQL takes the rows over, with the values of `mends`: an UPDATE in place, or INSERT … SELECT.
4. What has no column any more, and notes on what was filled in, are in `legacy_table`.
"""
