"""`/docs` of the example server in Chromium, if it is installed."""

import html
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from tests.examples.conftest import BROWSER
from tests.support.example_server import Served

TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}


@pytest.fixture
def page(shared: Served) -> Iterator[str]:
    """The page, beside what it loads from elsewhere."""
    swagger_ui = files("fastapi_offline") / "static"
    document = httpx.get(f"{shared.url}/docs").text
    contents = {
        "/docs": re.sub(r'https://[^"]+/(swagger-ui|favicon)', r"/\1", document).encode(),
        "/openapi.json": httpx.get(f"{shared.url}/openapi.json").content,
        "/swagger-ui-bundle.js": (swagger_ui / "swagger-ui-bundle.js").read_bytes(),
        "/swagger-ui.css": (swagger_ui / "swagger-ui.css").read_bytes(),
        "/favicon.png": b"",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{TYPES.get(Path(self.path).suffix, 'text/html')}; charset=utf-8")
            self.end_headers()
            self.wfile.write(contents[self.path])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/docs"
        server.shutdown()
        thread.join()


def test_every_body_is_shown_with_its_descriptions(shared: Served, page: str, tmp_path: Path) -> None:
    options = ["--headless=new", "--no-sandbox", f"--user-data-dir={tmp_path}", "--virtual-time-budget=30000"]
    command = [BROWSER, *options, "--dump-dom", page]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    words = in_words(html.unescape(re.sub("<[^>]+>", " ", shown)))

    schemas = httpx.get(f"{shared.url}/openapi.json").json()["components"]["schemas"]
    fields = [field for body in schemas.values() for field in body.get("properties", {}).values()]
    described = [entry["description"] for entry in [*schemas.values(), *fields] if "description" in entry]
    assert len(described) > 100
    assert [text for text in [*schemas, *described] if in_words(text) not in words] == []


def in_words(text: str) -> str:
    """A text without its Markdown."""
    return " ".join(re.findall(r"[A-Za-z0-9]+", text))
