"""A small server with a table of its own: users write notes on projects.

`python server.py` serves it on this machine. README.md shows its requests.
"""

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from sqlmodel import Session
from tables import Note

from fractal_models.database import DatabaseError, check_database, create_engine, sessionmaker
from fractal_models.models import ProjectV2, UserOAuth
from fractal_models.schemas import Create, Read, RowId

engine = create_engine(os.environ.get("FRACTAL_DATABASE_URL", "sqlite:///fractal.db"))
sessions = sessionmaker(engine)
app = FastAPI(title="Notes on projects")


class NoteCreate(Create):
    """Request body of a new note."""

    user_id: RowId
    text: str


class NoteRead(Read):
    """Response body of a note."""

    user_id: int
    project_id: int
    text: str
    timestamp_created: datetime


def open_session() -> Iterator[Session]:
    """Open one session per request."""
    with sessions() as session:
        yield session


Database = Annotated[Session, Depends(open_session)]


def find_project(project_id: RowId, session: Database) -> ProjectV2:
    """Find a project."""
    if (project := session.get(ProjectV2, project_id)) is None:
        raise HTTPException(404, f"Project {project_id} not found.")
    return project


Project = Annotated[ProjectV2, Depends(find_project)]


@app.post("/projects/{project_id}/notes", status_code=201, response_model=NoteRead)
def create_note(project: Project, body: NoteCreate, session: Database) -> Note:
    """Write a note on a project."""
    if session.get(UserOAuth, body.user_id) is None:
        raise HTTPException(404, f"User {body.user_id} not found.")
    note = Note(project=project, **body.model_dump())
    session.add(note)
    session.commit()
    return note


@app.get("/projects/{project_id}/notes", response_model=list[NoteRead])
def list_notes(project: Project) -> Any:
    """List the notes of a project."""
    return project.notes  # type: ignore[attr-defined]  # the backref of `Note.project`


if __name__ == "__main__":
    try:
        check_database(engine)
    except DatabaseError as error:
        sys.exit(f"server.py: {error}")
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), log_level="warning")
