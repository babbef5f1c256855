"""A connection pooler as far as a client can tell: it is told of another process than the one that serves it."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import URL

BACKEND_KEY_DATA = b"K"


@contextmanager
def pooler(url: URL, port: int = 0) -> Iterator[URL]:
    """Forward connections to the server of `url`, and change the process id that it tells each client."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=_accept, args=(listener, url), daemon=True).start()
        port = listener.getsockname()[1]
        query = {"sslmode": "disable", "gssencmode": "disable"}
        yield url.set(host="127.0.0.1", port=port, query=query)
        # Wakes up the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, url: URL) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = _connect(url)
        for target, source, sink in ((_copy, client, server), (_copy_with_other_process, server, client)):
            threading.Thread(target=target, args=(source, sink), daemon=True).start()


def _connect(url: URL) -> socket.socket:
    folder = url.query.get("host")
    if url.host is None and isinstance(folder, str):
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{folder}/.s.PGSQL.{url.port or 5432}")
        return server
    return socket.create_connection((url.host or "127.0.0.1", url.port or 5432))


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def _copy_with_other_process(server: socket.socket, client: socket.socket) -> None:
    """A message is its type, its length (itself included), and its content."""
    stream = server.makefile("rb", buffering=0)
    with suppress(OSError, struct.error):
        while True:
            kind, length = struct.unpack("!cI", _read(stream, 5))
            content = _read(stream, length - 4)
            if kind == BACKEND_KEY_DATA:
                content = struct.pack("!I", struct.unpack("!I", content[:4])[0] ^ 1) + content[4:]
            client.sendall(struct.pack("!cI", kind, length) + content)
            if kind == BACKEND_KEY_DATA:
                break
    _copy(server, client)


def _read(stream: socket.SocketIO, number: int) -> bytes:
    found = b""
    while len(found) < number:
        part = stream.read(number - len(found))
        if not part:
            return b""
        found += part
    return found


@contextmanager
def refusing(url: URL, number: int, code: str, message: str) -> Iterator[URL]:
    """Forward connections to the server of `url`, but answer the first ones with an error as a server does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (listener, url, number, code, message)
        threading.Thread(target=_refuse, args=arguments, daemon=True).start()
        query = {"sslmode": "disable", "gssencmode": "disable"}
        yield url.set(host="127.0.0.1", port=listener.getsockname()[1], query=query)
        listener.shutdown(socket.SHUT_RDWR)


def _refuse(listener: socket.socket, url: URL, number: int, code: str, message: str) -> None:
    fields = b"".join(field.encode() + b"\0" for field in ("SFATAL", "VFATAL", f"C{code}", f"M{message}")) + b"\0"
    for _ in range(number):
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            client.recv(65536)
            client.sendall(struct.pack("!cI", b"E", len(fields) + 4) + fields)
    _accept(listener, url)
