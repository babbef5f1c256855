"""Runs a program by the server of `preloaded` and ends like it: `preloaded_client.py SOCKET PROGRAM [ARGUMENT ...]`."""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    request = {"arguments": sys.argv[2:], "folder": os.getcwd(), "environment": dict(os.environ)}
    socket.send_fds(connection, [b"."], [0, 1, 2])
    connection.sendall(json.dumps(request).encode() + b"\n")
    answers = connection.makefile()
    answers.readline()  # the id of its process
    code = int(answers.readline())
sys.exit(code if code >= 0 else 128 - code)
