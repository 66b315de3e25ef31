"""A server whose tasks end when a test says so, and which can lose answers, events and itself. It speaks the part of
farm's protocol that farm_client uses, on the Unix socket of a state directory."""

import http.server
import json
import os
import pathlib
import re
import socketserver
import threading
import urllib.parse

ENDED = ("finished", "failed", "cancelled")


class _Socket(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that goes away


class ScriptedServer:
    """`jobs` maps numbers to dicts; each task of a job has `state`, `input`, and `result` or `error`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.lock = threading.Condition()
        self.jobs = {}
        self.keys = {}
        self.requests = []  # "METHOD TARGET" of each
        self.lose_answers = 0  # the next submissions are taken, but not answered
        self.largest_page = 10**9  # tasks or results; more are refused
        self.refuse = None  # (status, body) for all submissions
        self.events = []  # (event, data)
        self.epoch = 0
        self.streams = []  # connections
        self._connections = []
        self._server = None

    def start(self):
        self.epoch += 1
        self.events = []
        path = self.directory / "server.sock"
        if path.exists():
            path.unlink()
        script = self

        class Handler(_Handler):
            server_script = script
            epoch = script.epoch

        self._server = _Socket(os.fspath(path), Handler)
        self.streams, self._connections = [], []
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        """As kill -9: connections break, and the socket stays."""
        with self.lock:
            self.epoch += 1
            self.lock.notify_all()
        self._server.shutdown()
        self._server.server_close()
        with self.lock:
            for connection in self._connections:
                try:
                    connection.shutdown(2)
                except OSError:
                    pass

    def restart(self):
        self.stop()
        self.start()

    def add_job(self, inputs, function="f", key=None, spec=None):
        with self.lock:
            number = len(self.jobs) + 1
            tasks = [{"state": "waiting", "input": each, "result": None, "error": None} for each in inputs]
            self.jobs[number] = {"function": function, "tasks": tasks, "submitted": float(number), "spec": spec or {}}
            if key:
                self.keys[key] = number
            return number

    def end(self, job, task, state="finished", result=None, error=None, tell=True):
        self.end_all(job, {task: (state, result, error)}, tell)

    def end_all(self, job, ends, tell=True):
        """`ends` maps tasks to (state, result, error)."""
        with self.lock:
            for task, (state, result, error) in ends.items():
                self.jobs[job]["tasks"][task].update(state=state, result=result, error=error)
            if tell:
                self.tell("tasks", {"job": job, "ended": [[task, end[0]] for task, end in ends.items()]})

    def tell(self, event, data):
        with self.lock:
            self.events.append((event, data))
            self.lock.notify_all()

    def cut_streams(self):
        """Ends all streams of events; what is told from now on is kept for those who come back."""
        with self.lock:
            streams, self.streams = self.streams, []
        for connection in streams:
            connection.shutdown(2)

    def count(self, text):
        with self.lock:
            return sum(text in each for each in self.requests)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_script = None
    epoch = 0

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        with self.server_script.lock:
            self.server_script._connections.append(self.connection)

    def do_POST(self):
        self.do_GET()

    def do_GET(self):
        script = self.server_script
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with script.lock:
            script.requests.append(f"{self.command} {self.path}")
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        path = path[len("/api/v1") :]
        if path == "/events":
            return self.stream()
        with script.lock:
            status, answer = self.answer(path, query, body)
        if status == 0:
            self.close_connection = True
            return None
        text = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if path.endswith("/log"):
            self.send_header("X-Next", str(int(query.get("from", 0)) + len(text)))
        self.end_headers()
        self.wfile.write(text)
        return None

    def answer(self, path, query, body):
        script = self.server_script
        if path == "/server":
            return 200, {"version": "test", "state": "running"}
        if path == "/functions":
            return 200, {"functions": [{"name": "f", "signature": "", "arguments": [], "result": "double"}]}
        if path == "/jobs" and self.command == "POST":
            return self.submit(body)
        if path == "/jobs":
            numbers = [number for number in script.jobs if number >= int(query["from"])]
            return 200, {"jobs": [self.job(number) for number in numbers[:2]], "next": (numbers[2:] or [None])[0]}
        match = re.fullmatch(r"/jobs/(\d+)(?:/(\w+))?(?:/(\d+))?", path)
        if not match or int(match[1]) not in script.jobs:
            return 404, {"error": f"there is no job {match[1] if match else path}", "nearest": None}
        number, what, task = int(match[1]), match[2], match[3]
        tasks = script.jobs[number]["tasks"]
        if what in (None, "wait"):
            return 200, self.job(number)
        if what == "tasks" and task is not None:
            return 200, {**self.task(number, int(task)), "history": []}
        if int(query.get("limit", 0)) > script.largest_page:
            return 413, {"error": "that is too much for one answer", "nearest": None}
        if what == "tasks":
            return 200, self.page(number, query)
        if what == "results":
            begin, limit = int(query["from"]), int(query["limit"])
            lines = []
            for i in range(begin, min(begin + limit, len(tasks))):
                if tasks[i]["state"] in ENDED:
                    outcome = {"error": tasks[i]["error"]} if tasks[i]["error"] else {"result": tasks[i]["result"]}
                    known = {"index": i, "input": tasks[i]["input"], "attempts": 1, "seconds": 0.5}
                    lines.append(json.dumps({**known, **outcome}))
            return 200, "".join(line + "\n" for line in lines)
        if what == "log":
            return 200, "printed\n"[int(query["from"]) :]
        if what in ("cancel", "retry"):
            chosen = json.loads(body or b"{}").get("tasks", f"0-{len(tasks) - 1}")
            first, _, last = chosen.partition("-")
            return 200, {"tasks": self.change(number, what, range(int(first), int(last or first) + 1))}
        return 404, {"error": f"there is no {path}", "nearest": "jobs"}

    def change(self, number, what, chosen):
        changed = {}
        for i in chosen:
            state = self.server_script.jobs[number]["tasks"][i]["state"]
            if what == "cancel" and state not in ENDED:
                changed[i] = ("cancelled", None, {"type": "farm::CancelledError", "text": "cancelled by the user"})
            if what == "retry" and state in ("failed", "cancelled"):
                changed[i] = ("waiting", None, None)
        self.server_script.end_all(number, changed, tell=what == "cancel")
        return len(changed)

    def submit(self, body):
        script = self.server_script
        if script.refuse:
            return script.refuse
        lines = body.decode().splitlines()
        head = json.loads(lines[0])
        assert head["tasks"] == len(lines) - 1
        key = head["spec"]["key"]
        if key not in script.keys:
            kind = head["spec"]["kinds"][0]
            script.add_job([json.loads(line) for line in lines[1:]], kind.get("function"), key, head["spec"])
        if script.lose_answers:
            script.lose_answers -= 1
            return 0, None
        return 201, {"job": script.keys[key], "tasks": head["tasks"]}

    def job(self, number):
        job = self.server_script.jobs[number]
        states = [task["state"] for task in job["tasks"]]
        counts = {state: states.count(state) for state in ("waiting", "running", *ENDED)}
        left = [state for state in ("running", "waiting", "failed", "cancelled", "finished") if counts[state]]
        known = {"job": number, "name": "", "state": left[0], "function": job["function"], "tasks": len(states)}
        known.update(counts=counts, submitted=job["submitted"], rate=0, seconds_left=None, spec=job["spec"])
        return known

    def task(self, number, task):
        return {"job": number, "task": task, **self.server_script.jobs[number]["tasks"][task]}

    def page(self, number, query):
        tasks = []
        for i in range(int(query.get("from", 0)), len(self.server_script.jobs[number]["tasks"])):
            if len(tasks) == int(query.get("limit", 100)):
                return {"tasks": tasks, "next": i}
            each = self.task(number, i)
            if query.get("state") in (None, each["state"]):
                tasks.append(each)
        return {"tasks": tasks, "next": None}

    def stream(self):
        script = self.server_script
        self.close_connection = True
        epoch, _, place = self.headers.get("Last-Event-ID", "").partition("-")
        with script.lock:  # nothing is missed from here on, before the client hears that the stream is open
            script.streams.append(self.connection)
            next_event = int(place) if epoch == str(self.epoch) else len(script.events)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if not epoch:
            self.wfile.write(f"id: {self.epoch}-{next_event}\n\n".encode())
        elif epoch != str(self.epoch):
            self.write(next_event, "reset", {})
        while True:
            with script.lock:
                while next_event == len(script.events) and self.epoch == script.epoch:
                    script.lock.wait(0.5)
                if self.epoch != script.epoch:
                    return
                event, data = script.events[next_event]
                next_event += 1
            self.write(next_event, event, data)

    def write(self, number, event, data):
        self.wfile.write(f"id: {self.epoch}-{number}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()
