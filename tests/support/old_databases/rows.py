"""Rows of a small site as servers up to 2.8.1 left them, whichever of their data scripts had been run.

Every nullable column is null in some rows and not in others. Left out is what no conversion can take, such as steps
without a task.
"""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.support.old_databases.schemas import Schema
from tests.support.old_databases.values import NO_DATE, Json, Row, Tables

UNDEFINED = "__UNDEFINED__"
NOT_KNOWN = 9999

OWNER = "admin@example.org"
"""E-mail address of the user who gets the task groups that have no other owner."""

WORDS = [
    "Zellkern-Färbung",
    "細胞 segmentation",
    'plate "B03"',
    "it's 50 % done",
    "back\\slash",
    "🔬 overview",
    ":x :y",
]

EXPLICIT = {
    "applyworkflow": {"start_timestamp", "workflow_dump"},
    "user_oauth": {"username", "slurm_user"},
    "workflowtask": {"order"},
    "workflowtaskv2": {"order"},
    "taskv2": {"source", "owner", "command_non_parallel", "command_parallel", "version"},
    "taskgroupv2": {"version", "python_version", "pip_extras"},
}
"""Nullable columns whose nulls are chosen row by row; the others get them in turn."""

TASK_COLUMNS = [
    *("source", "name", "args_schema", "input_type", "owner", "args_schema_version", "docs_info", "id", "meta"),
    *("command", "output_type", "version", "docs_link"),
]

# Owner, source and interpreter of tasks of version 2. The first two are of one package, in two spellings.
PYTHON = "/srv/tasks/.fractal/{}/venv/bin/python{}"
TASKS_V2 = [
    ("admin", "pip_remote:Fractal_Tasks.Core:1.0.2:fractal-tasks:3.10:convert", PYTHON.format("core1.0.2", "")),
    (None, "pip_remote:fractal-tasks-core:1.0.2:fractal-tasks:3.10:project", PYTHON.format("core1.0.2", "3.10")),
    ("twin", "pip_remote:fractal-tasks-core:1.1.0:::convert", PYTHON.format("core1.1.0", "")),
    ("admin", "pip_local:my_faim-hcs:0.1.dev27+g1458b59::3.11:create", PYTHON.format("hcs/0.1", "3")),
    ("müller", "müller:threshold", "python3 /home/müller/threshold.py"),
    ("slurm01", "slurm01:illumination", PYTHON.format("own", "")),
    ("gone", "gone:registration", "echo"),
    (None, "pip_remote:no-version", "python3 -m module"),
    ("twin", "twin:measure", "python3 measure.py"),
    ("", "pip_remote:a:b:c:d:e:six colons", "python3 a.py"),
]


class Site:
    """Draws the rows of the tables that a schema has."""

    def __init__(self, schema: Schema, seed: int) -> None:
        self.schema = schema
        self.random = random.Random(seed)
        self.tables: Tables = {}
        self.users()
        self.groups()
        self.version_1()
        self.jobs()
        if self.has("taskv2"):
            self.version_2()
            self.jobs_v2()

    def has(self, table: str, column: str | None = None) -> bool:
        return table in self.schema and (column is None or column in self.schema[table])

    def add(self, table: str, **values: Any) -> Row:
        """Add a row with those of the values that the schema has a column for."""
        rows = self.tables.setdefault(table, [])
        row = {name: values[name] for name in self.schema[table]}
        for number, (name, column) in enumerate(self.schema[table].items()):
            if column.nullable and not name.endswith("_id") and name not in EXPLICIT.get(table, ()):
                turn = (len(rows) + number) % 4
                if turn == 0:
                    row[name] = None
                elif turn == 1 and column.type == "json":
                    row[name] = Json("null")
        rows.append(row)
        return row

    def moment(self) -> datetime:
        """A point in time; in some, the microseconds are zero."""
        microseconds = self.random.choice([0, 587_612, self.random.randrange(10**6)])
        return datetime(2022, 5, 1, tzinfo=UTC) + timedelta(
            seconds=self.random.randrange(10**8), microseconds=microseconds
        )

    def date(self) -> datetime:
        """Creation date of a row, which may be older than the column."""
        return self.random.choice([NO_DATE, self.moment()])

    def word(self) -> str:
        return f"{self.random.choice(WORDS)} {self.random.randrange(1000)}"

    def dictionary(self, depth: int = 2) -> dict[str, Any]:
        """A nested dict whose keys are in no order."""
        keys = self.random.sample(["zeta", "alpha", "Größe", "1", "parallelization_level", "mem", "id", ""], 4)
        return {key: self._value(depth) for key in keys}

    def _value(self, depth: int) -> Any:
        if depth and self.random.random() < 0.4:
            return self.dictionary(depth - 1)
        return self.random.choice([None, True, 0, -1.5, 2**60, [], {}, [{"b": 1, "a": [None]}], self.word(), "null"])

    def json(self, value: Any) -> Json:
        """Text of a value, with characters beyond ASCII escaped, as drivers write it, or not."""
        return Json(json.dumps(value, ensure_ascii=self.random.random() < 0.7))

    def users(self) -> None:
        names = [("admin", None), ("müller", "mueller"), (None, "slurm01"), (None, None), ("twin", "a"), (None, "twin")]
        with_settings = self.random.sample(range(1, 7), self.random.choice([0, 4, 5, 6]))
        for id_, (username, slurm_user) in enumerate(names, start=1):
            settings = {
                "slurm_user": slurm_user,
                "slurm_accounts": self.json(["imaging", "b & c"][: id_ % 3]),
                "cache_dir": f"/cache/{id_}",
            }
            # Some of those who have settings have changed them since.
            settings_id = 10 + id_ if self.has("user_settings") and id_ in with_settings else None
            if settings_id is not None:
                self.add(
                    "user_settings",
                    id=settings_id,
                    **settings | {"cache_dir": self.random.choice([settings["cache_dir"], "/changed"])},
                    ssh_host="cluster",
                    ssh_username=self.word(),
                    ssh_private_key_path="/keys/k",
                    ssh_tasks_dir="/tasks",
                    ssh_jobs_dir="/jobs",
                    project_dir="/projects/ä",
                )
            email = OWNER if id_ == 1 else f"User{id_}@example.org"
            self.add(
                "user_oauth",
                id=id_,
                email=email,
                hashed_password="secret-hash",
                is_active=id_ != 4,
                is_superuser=id_ == 1,
                is_verified=id_ % 2 == 0,
                username=username,
                user_settings_id=settings_id,
                **settings,
            )
            for number in range(id_ % 3):
                self.add(
                    "oauthaccount",
                    id=10 * id_ + number,
                    user_id=id_,
                    oauth_name=f"provider {number}",
                    access_token="secret-access-token",
                    expires_at=1_700_000_000,
                    refresh_token="secret-refresh-token",
                    account_id=f"{id_}",
                    account_email=email,
                )

    def groups(self) -> None:
        """No group, or some; `All` may be missing, and may lack members."""
        if not self.has("usergroup"):
            return
        names = self.random.choice([[], ["All"], ["Imaging ü", "All"], ["Imaging ü"]])
        for id_, name in enumerate(names, start=3):
            paths = self.json(["/data/ü"] if name != "All" else [])
            self.add("usergroup", id=id_, name=name, timestamp_created=self.moment(), viewer_paths=paths)
            for user in self.tables["user_oauth"]:
                if self.random.random() < 0.7:
                    self.add("linkusergroup", group_id=id_, user_id=user["id"], timestamp_created=self.date())

    def members(self, table: str, project_id: int) -> None:
        """Add no user, one, or two to a project."""
        for user_id in self.random.sample(range(1, 7), project_id % 3):
            self.add(table, project_id=project_id, user_id=user_id)

    def version_1(self) -> None:
        for id_ in range(1, 6):
            self.add(
                "task",
                id=id_,
                source=f"pip_remote:pkg:1.{id_}:::tâsk {id_}",
                name=self.word(),
                command="python3 -m task",
                input_type="Any",
                output_type="zarr",
                owner="admin",
                version=f"1.{id_}",
                meta=self.json(self.dictionary()),
                default_args=self.json(self.dictionary()),
                args_schema=self.json({"type": "object", "properties": self.dictionary()}),
                args_schema_version="pydantic_v1",
                docs_info="# Ünicode\nand `code`",
                docs_link="https://example.org/ü",
                is_v2_compatible=self.random.random() < 0.5,
            )
            self.add("state", id=id_, data=self.json(self.dictionary()), timestamp=self.moment())
        for id_ in range(1, 7):
            self.project_v1(id_)

    def project_v1(self, id_: int) -> None:
        """A project with a workflow and two datasets; its jobs come later, if at all."""
        self.add("project", id=id_, name=self.word(), read_only=id_ == 2, timestamp_created=self.date())
        self.members("linkuserproject", id_)
        self.add("workflow", id=id_, project_id=id_, name=self.word(), timestamp_created=self.date())
        # Rows are not in the order of the steps.
        for order in reversed(range(id_ % 4)):
            self.add(
                "workflowtask",
                id=10 * id_ + order,
                workflow_id=id_,
                task_id=self.random.randrange(1, 6),
                order=order if id_ != 5 else None,
                meta=self.json(self.dictionary()),
                args=self.json(self.dictionary()),
            )
        for dataset_id in (2 * id_ - 1, 2 * id_):
            step = {"workflowtask": self.dictionary(), "status": "done", "parallelization": None}
            self.add(
                "dataset",
                id=dataset_id,
                project_id=id_,
                name=self.word(),
                type="image",
                read_only=dataset_id % 2 == 1,
                meta=self.json(self.dictionary()),
                history=self.json([step] * (dataset_id % 3)),
                timestamp_created=self.date(),
            )
            for number in range(dataset_id % 3):
                self.add("resource", id=10 * dataset_id + number, dataset_id=dataset_id, path=f"/data/{self.word()}")

    def jobs(self) -> None:
        """Jobs of version 1, of projects 1 to 4; each has dumps of another kind."""
        for id_ in range(1, 19):
            keys = self.keys_of_job(project_id=id_ % 4 + 1)
            project_id = keys["project_id"] or 77
            status = "submitted" if id_ == 18 else self.random.choice(["done", "failed"])
            indices = self.random.choice([(NOT_KNOWN, NOT_KNOWN), (0, 0), (1, 3)])
            self.add(
                "applyworkflow",
                id=id_,
                **keys,
                start_timestamp=self.moment(),
                end_timestamp=self.moment(),
                status=status,
                log=f"TRACEBACK ü\n\t{self.word()}",
                worker_init="module load cuda",
                working_dir="/jobs/ü",
                working_dir_user="/home/jobs",
                first_task_index=indices[0],
                last_task_index=indices[1],
                user_email=self.random.choice([UNDEFINED, "User2@example.org", "left@example.org"]),
                slurm_account="imaging",
                workflow_dump=self.workflow_dump(id_, project_id),
                input_dataset_dump=self.dataset_dump(id_ + 1, project_id),
                output_dataset_dump=self.dataset_dump(id_ + 2, project_id),
                project_dump=self.project_dump(id_, project_id),
            )

    def keys_of_job(self, project_id: int) -> Row:
        """Keys of a job, null for rows that have been deleted since, where they may be."""
        keys: Row = {
            "project_id": project_id,
            "workflow_id": project_id,
            "input_dataset_id": 2 * project_id - 1,
            "output_dataset_id": 2 * project_id,
        }
        for name in keys:
            if self.schema["applyworkflow"][name].nullable and self.random.random() < 0.25:
                keys[name] = None
        return keys

    def date_in_dump(self) -> dict[str, str]:
        """The date, if it was known when the dump was made, in one of its forms."""
        moment = self.date()
        texts = [
            {},
            {"timestamp_created": moment.isoformat()},
            {"timestamp_created": str(moment.astimezone(timezone(timedelta(hours=2))))},
            {"timestamp_created": "2000-01-01 00:00:00+00:00"},
            {"timestamp_created": moment.replace(tzinfo=None).isoformat()},
        ]
        return self.random.choice(texts) if self.has("workflow", "timestamp_created") else {}

    def shuffled(self, values: Row) -> Row:
        return dict(self.random.sample(list(values.items()), len(values)))

    def _not_known(self, table: str, column: str, kind: int) -> list[Json | None]:
        """What stands in a dump that was never filled; nothing for other kinds of jobs."""
        empty: list[Json | None] = [Json("{}"), Json("null")] + [None] * self.schema[table][column].nullable
        return [empty[kind % 3 % len(empty)]] if kind % 6 < 3 else []

    def workflow_dump(self, kind: int, project_id: int) -> Json | None:
        if not self.has("applyworkflow", "workflow_dump"):
            return None
        for value in self._not_known("applyworkflow", "workflow_dump", kind):
            return value
        dump = {"name": self.word(), "project_id": project_id, "id": project_id}
        if self.has("applyworkflow", "user_email") and kind % 6 == 5:
            dated = self.date_in_dump()
            if dated and self.random.random() < 0.5:
                return self.json(self.shuffled(dump | dated))
        else:
            dated = self.date_in_dump()
        # Releases 1.3.5 to 1.3.14 mistook a step for its task.
        inverted = kind % 6 == 4
        steps = [self.step_dump(order, project_id, inverted=inverted) for order in range(kind % 4)]
        return self.json(self.shuffled(dump) | {"task_list": steps} | dated)

    def step_dump(self, order: int, workflow_id: int, *, inverted: bool) -> Row:
        task: Row = {name: self.random.choice([None, self.word()]) for name in TASK_COLUMNS}
        task |= {"source": f"source {order}", "name": self.word(), "command": "python", "input_type": "Any"}
        task |= {"output_type": "zarr", "id": order, "meta": self.dictionary()}
        step: Row = {"id": 300 + order, "args": self.random.choice([None, self.dictionary()]), "task_id": order}
        step |= {"meta": self.dictionary(), "workflow_id": workflow_id, "order": order}
        task, step = self.shuffled(task), self.shuffled(step)
        return task | {"task": step} if inverted else step | {"task": task}

    def dataset_dump(self, kind: int, project_id: int) -> Json | None:
        if not self.has("applyworkflow", "input_dataset_dump"):
            return None
        for value in self._not_known("applyworkflow", "input_dataset_dump", kind):
            return value
        dump = {"id": kind, "name": self.word(), "type": self.random.choice([None, "zarr"]), "meta": self.dictionary()}
        if not self.has("taskv2") or self.random.random() < 0.5:
            dump["history"] = self.random.choice([[], [{"status": "done", "workflowtask": self.dictionary()}]])
        resources = [{"dataset_id": kind, "path": self.word(), "id": number} for number in range(kind % 3)]
        dump |= {"read_only": False, "project_id": project_id, "resource_list": resources}
        return self.json(self.shuffled(dump) | self.date_in_dump())

    def project_dump(self, kind: int, project_id: int) -> Json | None:
        if not self.has("applyworkflow", "project_dump"):
            return None
        for value in self._not_known("applyworkflow", "project_dump", kind):
            return value
        date = self.random.choice([self.moment().isoformat(), "2000-01-01 00:00:00+00:00"])
        dump = {"read_only": False, "timestamp_created": date, "name": self.word(), "id": project_id}
        if kind % 6 == 5:
            dump |= {"id": -1, "name": UNDEFINED, "read_only": True, "timestamp_created": "2000-01-01 00:00:00+00:00"}
        return self.json(self.shuffled(dump))

    def version_2(self) -> None:
        self.task_groups()
        for id_, (owner, source, interpreter) in enumerate(TASKS_V2, start=1):
            group_id = self.group_of_task(id_)
            kind = ("non_parallel", "parallel", "compound")[id_ % 3]
            command = f"{interpreter} /srv/ü/task_{id_}.py"
            may_be_null = self.schema["taskv2"]["source"].nullable
            self.add(
                "taskv2",
                id=id_,
                name=self.word(),
                type=kind,
                command_non_parallel=None if kind == "parallel" else command,
                command_parallel=None if kind == "non_parallel" else command.replace("/srv/tasks", "/srv/other"),
                source=None if may_be_null and group_id is not None and id_ % 2 else source,
                meta_non_parallel=self.json(self.dictionary()),
                meta_parallel=self.json({}),
                owner=owner,
                version=None if id_ % 4 == 0 else f"{id_}.0",
                args_schema_non_parallel=self.json(self.dictionary()),
                args_schema_parallel=self.json(self.dictionary()),
                args_schema_version="pydantic_v2",
                docs_info="ü",
                docs_link="https://example.org",
                input_types=self.json({"is_3D": True}),
                output_types=self.json({}),
                taskgroupv2_id=group_id,
                category="Conversion",
                modality="HCS",
                authors="Ä. Author",
                tags=self.json(["2D", "ü"]),
            )
        for id_ in range(1, 5):
            self.project_v2(id_)

    def task_groups(self) -> None:
        """Groups that a server has made, if any."""
        self.grouped: Iterable[int] = ()
        if self.has("taskv2", "taskgroupv2_id"):
            complete = not self.schema["taskv2"]["taskgroupv2_id"].nullable
            self.grouped = range(1, 11) if complete or self.random.random() < 0.3 else range(5, 8)
        for id_ in self.grouped:
            created = self.moment()
            self.add(
                "taskgroupv2",
                id=id_,
                user_id=id_ % 6 + 1,
                user_group_id=self.tables["usergroup"][0]["id"] if "usergroup" in self.tables and id_ % 2 else None,
                origin=("pypi", "wheel-file", "other")[id_ % 3],
                pkg_name=f"package-{id_}",
                version="1.0" if id_ % 2 else None,
                python_version="3.11" if id_ % 3 else None,
                path=f"/srv/{id_}",
                venv_path=f"/srv/{id_}/venv",
                wheel_path=f"/srv/{id_}/x.whl",
                pip_extras="ü" if id_ % 2 else None,
                pinned_package_versions=self.json({"zeta": "1", "alpha": "2"}),
                active=id_ != 6,
                timestamp_created=created,
                pip_freeze="a==1\nb==2",
                venv_size_in_kB=1234,
                venv_file_number=56,
                timestamp_last_used=self.random.choice([created, self.moment()]),
            )
            if self.has("taskgroupactivityv2"):
                self.activity(id_)

    def activity(self, id_: int) -> None:
        self.add(
            "taskgroupactivityv2",
            id=id_,
            user_id=id_ % 6 + 1,
            taskgroupv2_id=id_ if id_ % 2 else None,
            timestamp_started=self.moment(),
            pkg_name=f"package-{id_}",
            version="1.0",
            status="OK",
            action="collect",
            log="ü",
            timestamp_ended=self.moment(),
        )

    def group_of_task(self, id_: int) -> int | None:
        return id_ if id_ in self.grouped else None

    def project_v2(self, id_: int) -> None:
        filters = {"types": {"is_3D": False}, "attributes": {"plate": "Ü.zarr"}}
        self.add("projectv2", id=id_, name=self.word(), timestamp_created=self.moment())
        self.members("linkuserprojectv2", id_)
        legacy = {"is_legacy_task": True, "task_legacy_id": 1, "task_legacy": self.dictionary(), "task_id": None}
        step = self.random.choice([self.dictionary(), legacy | {"task": None}])
        image = {"zarr_url": "/zarr/Ü", "attributes": {"well": "B03"}, "types": {"is_3D": True}, "origin": None}
        self.add(
            "datasetv2",
            id=id_,
            name=self.word(),
            project_id=id_,
            history=self.json([{"workflowtask": step, "status": "done", "parallelization": None}]),
            timestamp_created=self.moment(),
            zarr_dir="/zarr/ü",
            images=self.json([image] * id_),
            filters=self.json(filters),
        )
        self.add("workflowv2", id=id_, name=self.word(), project_id=id_, timestamp_created=self.moment())
        for order in reversed(range(id_)):
            task = self.random.choice(self.tables["taskv2"])
            self.add(
                "workflowtaskv2",
                id=10 * id_ + order,
                workflow_id=id_,
                order=order if id_ > 1 else None,
                meta_parallel=self.json(self.dictionary()),
                meta_non_parallel=self.json(self.dictionary()),
                args_parallel=self.json(self.dictionary()),
                args_non_parallel=self.json(self.dictionary()),
                input_filters=self.json(filters),
                is_legacy_task=False,
                task_type=task["type"],
                task_id=task["id"],
                task_legacy_id=None,
            )
            if self.has("collectionstatev2"):
                self.collection_state(10 * id_ + order)

    def collection_state(self, id_: int) -> None:
        self.add(
            "collectionstatev2",
            id=id_,
            data=self.json(self.dictionary()),
            timestamp=self.moment(),
            taskgroupv2_id=self.random.choice([*self.grouped, None]) if id_ % 3 else None,
        )

    def jobs_v2(self) -> None:
        for id_ in range(1, 9):
            project_id: int = id_ % 4 + 1
            keys: Row = {
                name: project_id if (id_ + number) % 4 else None
                for number, name in enumerate(("project_id", "workflow_id", "dataset_id"))
            }
            date = {"timestamp_created": self.random.choice([self.moment().isoformat(), str(self.moment())])}
            named = {"id": project_id, "name": self.word()}
            filters = {"filters": {"types": {}, "attributes": {"ü": 1}}}
            dataset = named | {"project_id": project_id, "zarr_dir": "/zarr/ü"} | filters
            if id_ % 3 == 0:
                dataset |= {"history": [self.dictionary()] * (id_ % 2), "images": [{"zarr_url": "/zarr/ü"}]}
            self.add(
                "jobv2",
                id=id_,
                **keys,
                user_email="User2@example.org",
                slurm_account="imaging",
                dataset_dump=self.json(self.shuffled(dataset | date) if id_ != 5 else {}),
                workflow_dump=self.json(self.shuffled(named | {"project_id": project_id} | date) if id_ != 6 else {}),
                project_dump=self.json(self.shuffled(named | date) if id_ != 7 else None),
                worker_init="module load cuda",
                working_dir="/jobs",
                working_dir_user="/home/jobs",
                first_task_index=0,
                last_task_index=id_ % 3,
                start_timestamp=self.moment(),
                end_timestamp=self.moment(),
                status="submitted" if id_ == 8 else "failed",
                log="ü",
            )


def rows_of(schema: Schema, seed: int) -> Tables:
    """Rows of all tables of a schema; the same for the same seed."""
    return {table: [] for table in schema} | Site(schema, seed).tables
