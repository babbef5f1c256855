"""The catalog of an empty database of fractal-server 2.9 on PostgreSQL, as `catalog` reads it.

Facts of the installed base: they never change, whatever models and migrations do. One definition a line.
"""

from collections.abc import Iterator

BASELINE = "d256a7379ab8"
"""Where `alembic_version` of each such database stands."""

TABLES = {
    "applyworkflow": """
    start_timestamp timestamp with time zone NOT NULL
    end_timestamp timestamp with time zone
    worker_init character varying
    id integer NOT NULL DEFAULT nextval('applyworkflow_id_seq'::regclass)
    project_id integer
    input_dataset_id integer
    output_dataset_id integer
    workflow_id integer
    working_dir character varying
    working_dir_user character varying
    status character varying NOT NULL
    log character varying
    first_task_index integer NOT NULL
    last_task_index integer NOT NULL
    workflow_dump json NOT NULL
    user_email character varying NOT NULL
    input_dataset_dump json NOT NULL
    output_dataset_dump json NOT NULL
    slurm_account character varying
    project_dump json NOT NULL
    CONSTRAINT pk_applyworkflow PRIMARY KEY (id)
    CONSTRAINT fk_applyworkflow_input_dataset_id_dataset FOREIGN KEY (input_dataset_id) REFERENCES dataset(id)
    CONSTRAINT fk_applyworkflow_output_dataset_id_dataset FOREIGN KEY (output_dataset_id) REFERENCES dataset(id)
    CONSTRAINT fk_applyworkflow_project_id_project FOREIGN KEY (project_id) REFERENCES project(id)
    CONSTRAINT fk_applyworkflow_workflow_id_workflow FOREIGN KEY (workflow_id) REFERENCES workflow(id)
""",
    "dataset": """
    meta json
    name character varying NOT NULL
    type character varying
    read_only boolean NOT NULL
    id integer NOT NULL DEFAULT nextval('dataset_id_seq'::regclass)
    project_id integer NOT NULL
    history json NOT NULL DEFAULT '[]'::json
    timestamp_created timestamp with time zone NOT NULL
    CONSTRAINT pk_dataset PRIMARY KEY (id)
    CONSTRAINT fk_dataset_project_id_project FOREIGN KEY (project_id) REFERENCES project(id)
""",
    "datasetv2": """
    id integer NOT NULL DEFAULT nextval('datasetv2_id_seq'::regclass)
    name character varying NOT NULL
    project_id integer NOT NULL
    history json NOT NULL DEFAULT '[]'::json
    timestamp_created timestamp with time zone NOT NULL
    zarr_dir character varying NOT NULL
    images json NOT NULL DEFAULT '[]'::json
    filters json NOT NULL DEFAULT '{"attributes": {}, "types": {}}'::json
    CONSTRAINT pk_datasetv2 PRIMARY KEY (id)
    CONSTRAINT fk_datasetv2_project_id_projectv2 FOREIGN KEY (project_id) REFERENCES projectv2(id)
""",
    "jobv2": """
    id integer NOT NULL DEFAULT nextval('jobv2_id_seq'::regclass)
    project_id integer
    workflow_id integer
    dataset_id integer
    user_email character varying NOT NULL
    slurm_account character varying
    dataset_dump json NOT NULL
    workflow_dump json NOT NULL
    project_dump json NOT NULL
    worker_init character varying
    working_dir character varying
    working_dir_user character varying
    first_task_index integer NOT NULL
    last_task_index integer NOT NULL
    start_timestamp timestamp with time zone NOT NULL
    end_timestamp timestamp with time zone
    status character varying NOT NULL
    log character varying
    CONSTRAINT pk_jobv2 PRIMARY KEY (id)
    CONSTRAINT fk_jobv2_dataset_id_datasetv2 FOREIGN KEY (dataset_id) REFERENCES datasetv2(id)
    CONSTRAINT fk_jobv2_project_id_projectv2 FOREIGN KEY (project_id) REFERENCES projectv2(id)
    CONSTRAINT fk_jobv2_workflow_id_workflowv2 FOREIGN KEY (workflow_id) REFERENCES workflowv2(id)
""",
    "linkusergroup": """
    group_id integer NOT NULL
    user_id integer NOT NULL
    timestamp_created timestamp with time zone NOT NULL DEFAULT '2000-01-01 00:00:00+00'::timestamp with time zone
    CONSTRAINT pk_linkusergroup PRIMARY KEY (group_id, user_id)
    CONSTRAINT fk_linkusergroup_group_id_usergroup FOREIGN KEY (group_id) REFERENCES usergroup(id)
    CONSTRAINT fk_linkusergroup_user_id_user_oauth FOREIGN KEY (user_id) REFERENCES user_oauth(id)
""",
    "linkuserproject": """
    project_id integer NOT NULL
    user_id integer NOT NULL
    CONSTRAINT pk_linkuserproject PRIMARY KEY (project_id, user_id)
    CONSTRAINT fk_linkuserproject_project_id_project FOREIGN KEY (project_id) REFERENCES project(id)
    CONSTRAINT fk_linkuserproject_user_id_user_oauth FOREIGN KEY (user_id) REFERENCES user_oauth(id)
""",
    "linkuserprojectv2": """
    project_id integer NOT NULL
    user_id integer NOT NULL
    CONSTRAINT pk_linkuserprojectv2 PRIMARY KEY (project_id, user_id)
    CONSTRAINT fk_linkuserprojectv2_project_id_projectv2 FOREIGN KEY (project_id) REFERENCES projectv2(id)
    CONSTRAINT fk_linkuserprojectv2_user_id_user_oauth FOREIGN KEY (user_id) REFERENCES user_oauth(id)
""",
    "oauthaccount": """
    id integer NOT NULL DEFAULT nextval('oauthaccount_id_seq'::regclass)
    user_id integer NOT NULL
    oauth_name character varying NOT NULL
    access_token character varying NOT NULL
    expires_at integer
    refresh_token character varying
    account_id character varying NOT NULL
    account_email character varying NOT NULL
    CONSTRAINT pk_oauthaccount PRIMARY KEY (id)
    CONSTRAINT fk_oauthaccount_user_id_user_oauth FOREIGN KEY (user_id) REFERENCES user_oauth(id)
""",
    "project": """
    name character varying NOT NULL
    read_only boolean NOT NULL
    id integer NOT NULL DEFAULT nextval('project_id_seq'::regclass)
    timestamp_created timestamp with time zone NOT NULL
    CONSTRAINT pk_project PRIMARY KEY (id)
""",
    "projectv2": """
    id integer NOT NULL DEFAULT nextval('projectv2_id_seq'::regclass)
    name character varying NOT NULL
    timestamp_created timestamp with time zone NOT NULL
    CONSTRAINT pk_projectv2 PRIMARY KEY (id)
""",
    "resource": """
    path character varying NOT NULL
    id integer NOT NULL DEFAULT nextval('resource_id_seq'::regclass)
    dataset_id integer NOT NULL
    CONSTRAINT pk_resource PRIMARY KEY (id)
    CONSTRAINT fk_resource_dataset_id_dataset FOREIGN KEY (dataset_id) REFERENCES dataset(id)
""",
    "state": """
    data json
    "timestamp" timestamp with time zone
    id integer NOT NULL DEFAULT nextval('state_id_seq'::regclass)
    CONSTRAINT pk_state PRIMARY KEY (id)
""",
    "task": """
    meta json
    source character varying NOT NULL
    id integer NOT NULL DEFAULT nextval('task_id_seq'::regclass)
    name character varying NOT NULL
    command character varying NOT NULL
    input_type character varying NOT NULL
    output_type character varying NOT NULL
    owner character varying
    version character varying
    args_schema json
    args_schema_version character varying
    docs_info character varying
    docs_link character varying
    CONSTRAINT pk_task PRIMARY KEY (id)
    CONSTRAINT uq_task_source UNIQUE (source)
""",
    "taskgroupactivityv2": """
    id integer NOT NULL DEFAULT nextval('taskgroupactivityv2_id_seq'::regclass)
    user_id integer NOT NULL
    taskgroupv2_id integer
    timestamp_started timestamp with time zone NOT NULL
    pkg_name character varying NOT NULL
    version character varying NOT NULL
    status character varying NOT NULL
    action character varying NOT NULL
    log character varying
    timestamp_ended timestamp with time zone
    CONSTRAINT pk_taskgroupactivityv2 PRIMARY KEY (id)
    CONSTRAINT fk_taskgroupactivityv2_taskgroupv2_id_taskgroupv2 FOREIGN KEY (taskgroupv2_id) REFERENCES taskgroupv2(id)
    CONSTRAINT fk_taskgroupactivityv2_user_id_user_oauth FOREIGN KEY (user_id) REFERENCES user_oauth(id)
""",
    "taskgroupv2": """
    id integer NOT NULL DEFAULT nextval('taskgroupv2_id_seq'::regclass)
    user_id integer NOT NULL
    user_group_id integer
    origin character varying NOT NULL
    pkg_name character varying NOT NULL
    version character varying
    python_version character varying
    path character varying
    venv_path character varying
    wheel_path character varying
    pip_extras character varying
    pinned_package_versions json DEFAULT '{}'::json
    active boolean NOT NULL
    timestamp_created timestamp with time zone NOT NULL
    pip_freeze character varying
    "venv_size_in_kB" integer
    venv_file_number integer
    timestamp_last_used timestamp with time zone NOT NULL DEFAULT '2024-11-20 00:00:00+00'::timestamp with time zone
    CONSTRAINT pk_taskgroupv2 PRIMARY KEY (id)
    CONSTRAINT fk_taskgroupv2_user_group_id_usergroup FOREIGN KEY (user_group_id) REFERENCES usergroup(id)
    CONSTRAINT fk_taskgroupv2_user_id_user_oauth FOREIGN KEY (user_id) REFERENCES user_oauth(id)
""",
    "taskv2": """
    id integer NOT NULL DEFAULT nextval('taskv2_id_seq'::regclass)
    name character varying NOT NULL
    type character varying NOT NULL
    command_non_parallel character varying
    command_parallel character varying
    source character varying
    meta_non_parallel json NOT NULL DEFAULT '{}'::json
    meta_parallel json NOT NULL DEFAULT '{}'::json
    version character varying
    args_schema_non_parallel json
    args_schema_parallel json
    args_schema_version character varying
    docs_info character varying
    docs_link character varying
    input_types json
    output_types json
    taskgroupv2_id integer NOT NULL
    category character varying
    modality character varying
    authors character varying
    tags json NOT NULL DEFAULT '[]'::json
    CONSTRAINT pk_taskv2 PRIMARY KEY (id)
    CONSTRAINT fk_taskv2_taskgroupv2_id_taskgroupv2 FOREIGN KEY (taskgroupv2_id) REFERENCES taskgroupv2(id)
""",
    "user_oauth": """
    id integer NOT NULL DEFAULT nextval('user_oauth_id_seq'::regclass)
    email character varying NOT NULL
    hashed_password character varying NOT NULL
    is_active boolean NOT NULL
    is_superuser boolean NOT NULL
    is_verified boolean NOT NULL
    username character varying
    user_settings_id integer
    CONSTRAINT pk_user_oauth PRIMARY KEY (id)
    CONSTRAINT fk_user_oauth_user_settings_id_user_settings FOREIGN KEY (user_settings_id) REFERENCES user_settings(id)
""",
    "user_settings": """
    id integer NOT NULL DEFAULT nextval('user_settings_id_seq'::regclass)
    slurm_accounts json NOT NULL DEFAULT '[]'::json
    ssh_host character varying
    ssh_username character varying
    ssh_private_key_path character varying
    ssh_tasks_dir character varying
    ssh_jobs_dir character varying
    slurm_user character varying
    cache_dir character varying
    project_dir character varying
    CONSTRAINT pk_user_settings PRIMARY KEY (id)
""",
    "usergroup": """
    id integer NOT NULL DEFAULT nextval('usergroup_id_seq'::regclass)
    name character varying NOT NULL
    timestamp_created timestamp with time zone NOT NULL
    viewer_paths json NOT NULL DEFAULT '[]'::json
    CONSTRAINT pk_usergroup PRIMARY KEY (id)
    CONSTRAINT uq_usergroup_name UNIQUE (name)
""",
    "workflow": """
    name character varying NOT NULL
    id integer NOT NULL DEFAULT nextval('workflow_id_seq'::regclass)
    project_id integer NOT NULL
    timestamp_created timestamp with time zone NOT NULL
    CONSTRAINT pk_workflow PRIMARY KEY (id)
    CONSTRAINT fk_workflow_project_id_project FOREIGN KEY (project_id) REFERENCES project(id)
""",
    "workflowtask": """
    meta json
    args json
    id integer NOT NULL DEFAULT nextval('workflowtask_id_seq'::regclass)
    workflow_id integer NOT NULL
    task_id integer NOT NULL
    "order" integer
    CONSTRAINT pk_workflowtask PRIMARY KEY (id)
    CONSTRAINT fk_workflowtask_task_id_task FOREIGN KEY (task_id) REFERENCES task(id)
    CONSTRAINT fk_workflowtask_workflow_id_workflow FOREIGN KEY (workflow_id) REFERENCES workflow(id)
""",
    "workflowtaskv2": """
    id integer NOT NULL DEFAULT nextval('workflowtaskv2_id_seq'::regclass)
    workflow_id integer NOT NULL
    "order" integer
    meta_parallel json
    meta_non_parallel json
    args_parallel json
    args_non_parallel json
    input_filters json NOT NULL DEFAULT '{"attributes": {}, "types": {}}'::json
    task_type character varying NOT NULL
    task_id integer NOT NULL
    CONSTRAINT pk_workflowtaskv2 PRIMARY KEY (id)
    CONSTRAINT fk_workflowtaskv2_task_id_taskv2 FOREIGN KEY (task_id) REFERENCES taskv2(id)
    CONSTRAINT fk_workflowtaskv2_workflow_id_workflowv2 FOREIGN KEY (workflow_id) REFERENCES workflowv2(id)
""",
    "workflowv2": """
    id integer NOT NULL DEFAULT nextval('workflowv2_id_seq'::regclass)
    name character varying NOT NULL
    project_id integer NOT NULL
    timestamp_created timestamp with time zone NOT NULL
    CONSTRAINT pk_workflowv2 PRIMARY KEY (id)
    CONSTRAINT fk_workflowv2_project_id_projectv2 FOREIGN KEY (project_id) REFERENCES projectv2(id)
""",
}

INDEXES = {
    "ix_oauthaccount_account_id": "CREATE INDEX ix_oauthaccount_account_id ON oauthaccount USING btree (account_id)",
    "ix_oauthaccount_oauth_name": "CREATE INDEX ix_oauthaccount_oauth_name ON oauthaccount USING btree (oauth_name)",
    "ix_user_oauth_email": "CREATE UNIQUE INDEX ix_user_oauth_email ON user_oauth USING btree (email)",
}

DEFINITIONS = {table: [line.strip() for line in text.strip().splitlines()] for table, text in TABLES.items()}
SEQUENCES = sorted(f"{table}_id_seq" for table, text in TABLES.items() if "nextval" in text)


def statements() -> Iterator[str]:
    """The DDL that makes such a database of an empty one, `alembic_version` included."""
    for sequence in SEQUENCES:
        yield f"CREATE SEQUENCE {sequence} AS integer"
    for table, definitions in DEFINITIONS.items():
        yield f"CREATE TABLE {table} ({', '.join(line for line in definitions if 'REFERENCES' not in line)})"
    for table, definitions in DEFINITIONS.items():
        yield from (f"ALTER TABLE {table} ADD {line}" for line in definitions if "REFERENCES" in line)
    for sequence in SEQUENCES:
        yield f"ALTER SEQUENCE {sequence} OWNED BY {sequence.removesuffix('_id_seq')}.id"
    yield from INDEXES.values()
    yield "CREATE TABLE alembic_version (version_num VARCHAR(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)"
    yield f"INSERT INTO alembic_version VALUES ('{BASELINE}')"
