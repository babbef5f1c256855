"""A minimal OAuth provider for app.py, which logs in every user as the same person, without a password."""

import os
import secrets
from typing import Annotated
from urllib.parse import urlencode

import uvicorn
from fastapi import Depends, FastAPI, Form, HTTPException
from fastapi.responses import RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

PORT = int(os.environ.get("PROVIDER_PORT", "9000"))
CLIENT = ("fractal", "demo-secret")
PERSON = {"sub": "4711", "email": "lou@example.org"}

app = FastAPI(title="Identity provider")
codes: set[str] = set()
tokens: set[str] = set()


@app.get("/authorize")
def authorize(client_id: str, redirect_uri: str, state: str) -> RedirectResponse:
    """Redirect to the server with a code for one token."""
    if client_id != CLIENT[0]:
        raise HTTPException(400, "unknown client")
    codes.add(code := secrets.token_urlsafe())
    return RedirectResponse(f"{redirect_uri}?{urlencode({'code': code, 'state': state})}", 303)


@app.post("/token")
def exchange(
    code: Annotated[str, Form()], client_id: Annotated[str, Form()], client_secret: Annotated[str, Form()]
) -> dict[str, str | int]:
    """Exchange a code for a token."""
    if code not in codes or (client_id, client_secret) != CLIENT:
        raise HTTPException(400, "unknown client or code")
    codes.remove(code)
    tokens.add(token := f"provider-token-{secrets.token_urlsafe()}")
    return {"access_token": token, "token_type": "bearer", "expires_in": 3600}


@app.get("/userinfo")
def show_person(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, str]:
    """Return the profile of a token's user."""
    if bearer.credentials not in tokens:
        raise HTTPException(401, "unknown token")
    return PERSON


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
