"""The smallest OAuth provider to try app.py with: it logs everybody in as the same person, and asks for nothing."""

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
    """Send the person back with a code, good for one token."""
    if client_id != CLIENT[0]:
        raise HTTPException(400, "unknown client")
    codes.add(code := secrets.token_urlsafe())
    return RedirectResponse(f"{redirect_uri}?{urlencode({'code': code, 'state': state})}", 303)


@app.post("/token")
def exchange(
    code: Annotated[str, Form()], client_id: Annotated[str, Form()], client_secret: Annotated[str, Form()]
) -> dict[str, str | int]:
    """Give the server a token for a code."""
    if code not in codes or (client_id, client_secret) != CLIENT:
        raise HTTPException(400, "unknown client or code")
    codes.remove(code)
    tokens.add(token := f"provider-token-{secrets.token_urlsafe()}")
    return {"access_token": token, "token_type": "bearer", "expires_in": 3600}


@app.get("/userinfo")
def show_person(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, str]:
    """Tell the server who has logged in."""
    if bearer.credentials not in tokens:
        raise HTTPException(401, "unknown token")
    return PERSON


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
