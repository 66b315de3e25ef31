"""A server of the service, for tests, and requests to it by its Unix socket."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class FarmServer:
    """`program serve` with launched groups, in a state directory of its own."""

    def __init__(self, program, arguments=(), ranks=4, directory=None):
        self.directory = directory or os.path.join(tempfile.mkdtemp(), "state")
        self.program = program
        self.log = open(self.directory + ".log", "ab")
        environment = dict(os.environ, FARM_SOURCE="launched", FARM_HOSTS=f"localhost:{ranks}")
        self.process = subprocess.Popen(
            [program, "serve", "--dir", self.directory, "--max-ranks", str(ranks), *arguments],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        end = time.monotonic() + 60
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the server has ended with status {self.process.returncode}: {self.printed()}")
            try:
                self.facts = self.get("/api/v1/server")
                break
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def printed(self):
        return open(self.directory + ".log", encoding="utf-8", errors="replace").read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)  # the second one ends what runs
                try:
                    self.process.wait(30)
                except subprocess.TimeoutExpired:
                    self.kill()
        self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def request(self, method, target, body=None, kind="application/json"):
        connection = SocketConnection(os.path.join(self.directory, "server.sock"))
        try:
            connection.request(method, target, body, {"Content-Type": kind} if body is not None else {})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 400:
                raise AssertionError(f"{method} {target}: {answer.status} {text}")
            return text
        finally:
            connection.close()

    def get(self, target):
        return json.loads(self.request("GET", target))

    def post(self, target, body=None):
        return json.loads(self.request("POST", target, json.dumps(body or {})))

    def submit(self, kind, inputs, **spec):
        """Submits one kind of tasks. Returns the number of the job."""
        head = {"spec": {**spec, "kinds": [kind]}, "tasks": len(inputs)}
        lines = [json.dumps(head)] + [json.dumps(each) for each in inputs]
        return json.loads(self.request("POST", "/api/v1/jobs", "\n".join(lines) + "\n", "application/x-ndjson"))["job"]

    def submit_script(self, script, tasks=1, **spec):
        """Submits a script of the shell; {n} is the number of the task."""
        kind = {"command": ["/bin/sh", "-c", script], "columns": ["n"]}
        return self.submit(kind, list(range(tasks)), **spec)

    def job(self, number):
        return self.get(f"/api/v1/jobs/{number}")

    @property
    def page(self):
        return self.facts["page"]

    @property
    def address(self):
        return self.facts["listen"][0]
