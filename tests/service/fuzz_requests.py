"""fuzz_requests.py: sends a real server what nobody would send, and checks that it refuses each with one line, that it
lives, and that the jobs that were there before are untouched. FARM_PROGRAM names a program with farm's command line and
the functions of tests/program/named_tasks.cpp. FARM_TEST_FUZZ_SECONDS (20) says for how long; FARM_TEST_SEED repeats
a run."""

import http.client
import json
import os
import pathlib
import random
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent / "python"))
import farm_client  # noqa: E402
from real_server import RealServer, until  # noqa: E402

SECONDS = float(os.environ.get("FARM_TEST_FUZZ_SECONDS", "20"))
SEED = int(os.environ.get("FARM_TEST_SEED", random.SystemRandom().randrange(2**32)))
LIMIT = 30  # seconds in which each answer must come
REFUSED = range(400, 500)

BIG = [
    "-1",
    "0",
    "1",
    "007",
    "1.5",
    "1e9",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "9" * 400,
    "NaN",
]
WORDS = [
    "",
    " ",
    "x",
    "null",
    "true",
    "[]",
    "{}",
    "'",
    '"',
    "\\",
    "../..",
    "..%2f..%2f",
    "%00",
    "%",
    "%zz",
    "%c0%af",
    "\u00e9",
    "a" * 5000,
]
JUNK = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    1e300,
    -0.5,
    "",
    "x",
    "\u0000",
    "\ud800",
    "a" * 3000,
    [],
    [[]],
    {},
    {"": None},
]
ROUTES = [
    "server",
    "functions",
    "groups",
    "jobs",
    "jobs/N",
    "jobs/N/wait",
    "jobs/N/tasks",
    "jobs/N/tasks/K",
    "jobs/N/tasks/K/explain",
    "jobs/N/results",
    "jobs/N/log",
]
CHANGES = ["cancel", "hold", "release", "retry", "priority", "forget"]


class Fuzzer:
    def __init__(self, server, client, rng):
        self.server = server
        self.client = client
        self.rng = rng
        info = client.server()
        self.process = info["process"]
        self.port = int(info["listen"][0].rpartition(":")[2])
        self.token = (server.directory / "token").read_text().strip()
        self.kept = []  # connections that say nothing more
        self.jobs = []
        self.counts = {}

    # What is there before, and must be so afterwards

    def submit_jobs(self):
        finished = self.client.submit("same", [1.0, 2.0, 3.0], name="finished")
        failed = self.client.submit("not_two", [1, 2], name="failed")
        held = self.client.submit("echo", ["a", "b"] * 50, name="held", hold=True)
        program = self.client.program(["/bin/echo", "{x}"], [{"x": 1}], name="program")
        for job in (finished, failed, program):
            job.wait(60)
        self.jobs = [finished, failed, held, program]
        self.before = self.state()

    def state(self):
        found = []
        for job in self.jobs:
            info = job.info()
            for name in ("rate", "seconds_left", "why"):
                info.pop(name)
            tasks = self.client._connection.get(f"/jobs/{job.number}/tasks?limit=1000")
            found.append((info, tasks, [str(record) for record in job.results()], job.log()))
        return found

    def check(self):
        assert self.client.server()["process"] == self.process, "the server is another one"
        now = self.state()
        assert now == self.before, f"a job has changed:\n{self.before}\n{now}"

    # One connection

    def connect(self, by_port=False):
        if by_port:
            return socket.create_connection(("127.0.0.1", self.port), LIMIT)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(LIMIT)
        connection.connect(str(self.server.directory / "server.sock"))
        return connection

    def exchange(self, data, by_port=False, half_close=False, pieces=1, method="GET"):
        """Sends bytes. Returns status, headers and body of the answer; None if the server has closed without one."""
        with self.connect(by_port) as connection:
            try:
                step = max(1, -(-len(data) // pieces))
                for begin in range(0, len(data), step):
                    connection.sendall(data[begin : begin + step])
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it is refused already
            response = http.client.HTTPResponse(connection, method=method)
            try:
                response.begin()
                return response.status, dict(response.getheaders()), response.read()
            except (http.client.RemoteDisconnected, ConnectionResetError):
                return None

    def request(self, method, target, body=b"", headers=(), **options):
        lines = [f"{method} {target} HTTP/1.1", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        if not any(line.lower().startswith("host:") for line in lines):
            lines.append(f"Host: localhost:{self.port}")
        if body and not any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in lines):
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
        return self.exchange(head + body, method=method, **options)

    def judge(self, what, answer, allowed, may_close=False):
        """The answer has one of these states, and if it is a refusal, one line as its error."""
        if answer is None:
            assert may_close, f"{what}: the server has closed the connection without an answer"
            return None
        status, _, body = answer
        assert status in allowed, f"{what}: status {status}: {body[:500]!r}"
        if status >= 400 and body:  # HEAD has none
            error = json.loads(body)
            assert sorted(error) == ["error", "nearest"], f"{what}: {body[:500]!r}"
            text = error["error"]
            assert isinstance(text, str) and text and "\n" not in text, f"{what}: {text!r} is not one line"
            assert len(text) < 2000, f"{what}: the error has {len(text)} characters: {text[:200]}"
        return body

    # What is sent

    def pick(self, items):
        return items[self.rng.randrange(len(items))]

    def victim(self):
        return str(self.pick(self.jobs).number)

    def bytes_that_are_no_http(self):
        rng = self.rng
        data = self.pick(
            [
                lambda: bytes(rng.randrange(256) for _ in range(rng.randrange(1, 300))) + b"\r\n\r\n",
                lambda: b"GET\r\n\r\n",
                lambda: b"GET /api/v1/server\r\n\r\n",
                lambda: b"GET /api/v1/server HTTP/9.9\r\n\r\n",
                lambda: b"GET  /api/v1/server HTTP/1.1\r\n\r\n",
                lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
                lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                lambda: b"GET /api/v1/server HTTP/1.1\r\nNo colon here\r\n\r\n",
                lambda: b"GET /api/v1/server HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
                lambda: b"GET /api/v1/server HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
                lambda: b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
                lambda: b"GET /api/v1/server HTTP/1.1\r\n" + b"A: b\r\n" * 12_000 + b"\r\n",
                lambda: b"GET /api/v1/server HTTP/1.1\r\nA\x00: b\r\n\r\n",
            ]
        )()
        self.judge(f"bytes {data[:80]!r}", self.exchange(data, half_close=True), REFUSED, may_close=True)

    def lengths_that_are_wrong(self):
        good = b'{"spec":{"kinds":[{"function":"same"}]},"tasks":1}\n1\n'
        fields = self.pick(
            [
                [("Content-Length", "-1")],
                [("Content-Length", "1e3")],
                [("Content-Length", "9" * 30)],
                [("Content-Length", str(2**63))],
                [("Content-Length", str((256 << 20) + 1))],
                [("Content-Length", "5"), ("Content-Length", "6")],
                [("Content-Length", "10"), ("Transfer-Encoding", "chunked")],
                [("Transfer-Encoding", "gzip")],
                [("Transfer-Encoding", "chunked, chunked")],
            ]
        )
        answer = self.request("POST", "/api/v1/jobs", good, fields, half_close=True)
        self.judge(f"fields {fields}", answer, REFUSED)

    def chunks_that_are_none(self):
        body = self.pick(
            [b"zz\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabc\r\n", b"-1\r\n\r\n", b"1;" + b"x" * 70_000 + b"\r\n"]
        )
        answer = self.request("POST", "/api/v1/jobs", body, [("Transfer-Encoding", "chunked")], half_close=True)
        self.judge(f"chunk {body[:40]!r}", answer, REFUSED, may_close=True)

    def bodies_that_are_cut_off(self):
        body = b'{"spec":{"name":"cut","kinds":[{"function":"same"}]},"tasks":2}\n1\n2\n'
        cut = self.rng.randrange(len(body))
        fields = [("Content-Length", str(len(body)))]
        answer = self.request(
            "POST", "/api/v1/jobs", body[:cut], fields, half_close=True, pieces=self.rng.randrange(1, 5)
        )
        self.judge("a cut body", answer, REFUSED, may_close=True)

    def paths_that_lead_nowhere(self):
        part = self.pick(WORDS + BIG)
        target = self.pick(
            [
                f"/api/v1/{part}/x",
                f"/api/v1/jobs/{part}x",
                f"/api/v1/jobs/{self.victim()}/{part}/y",
                f"/api/v1/jobs/{self.victim()}/tasks/{part}z/explain",
                "/api/v1/../../../../etc/passwd",
                "/api/v1/jobs/%2e%2e/%2e%2e/token",
                f"/api/v1/jobs/{self.victim()}/log/../../../token",
                "//api/v1/server",
                "/api/v1/server/",
                "/api//v1/server",
                "/API/V1/SERVER",
                "/token",
                "/queue.db",
                "api/v1/server",
                "*",
                "http://example.org/",
            ]
        )
        method = self.pick(["GET", "GET", "POST"])
        target = target.replace(" ", "%20").encode("utf-8").decode("latin-1")
        body = self.judge(f"{method} {target[:100]}", self.request(method, target), REFUSED)
        assert b"root:" not in body and self.token.encode() not in body, f"{target}: a file was given away"

    def methods_that_are_none(self):
        method = self.pick(
            ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "get", "POST", "BREW", "A" * 200]
        )
        route = self.pick(ROUTES).replace("N", self.victim()).replace("K", "0")
        allowed = [200, 204, *REFUSED] if method in ("HEAD", "OPTIONS") else REFUSED
        if method == "POST" and route == "jobs":
            return  # an empty submission is another case
        self.judge(f"{method} {route}", self.request(method, f"/api/v1/{route}"), [*allowed, 501])

    def queries_that_say_nothing(self):
        route = self.pick(ROUTES).replace("N", self.victim()).replace("K", self.pick(["0", "1", *BIG]))
        if route.endswith("wait"):
            route += "?seconds=0&"  # others are jobs that never end
        names = ["from", "limit", "state", "task", "x", "", "from%5B%5D"]
        query = "&".join(
            f"{self.pick(names)}={urllib.parse.quote(self.pick(WORDS + BIG))}" for _ in range(self.rng.randrange(4))
        )
        self.judge(f"{route}?{query[:200]}", self.request("GET", f"/api/v1/{route}?{query}"), [200, *REFUSED])

    def changes_that_mean_nothing(self):
        change = self.pick(CHANGES)
        if change in ("cancel", "retry"):
            ranges = [
                "",
                "x",
                "-1",
                "1-",
                "5-2",
                "0-99999999999999999999",
                "0,,1",
                "0;1",
                "0x1",
                " 1",
                "1.5",
                "9" * 3000,
            ]
            bodies = [{"tasks": each} for each in ranges] + [
                {"tasks": each} for each in JUNK if not isinstance(each, str)
            ]
            bodies += [{"task": "0"}, {"tasks": "0", "x": 1}, *[each for each in JUNK if each != {}]]
        elif change == "priority":
            bodies = [{"priority": each} for each in [*JUNK[:2], *JUNK[5:], "1", 1.5]] + [{}, [], 3]
            bodies = [each for each in bodies if each != {"priority": -1}]
        else:  # these take no body: so they name a job that is not there
            answer = self.request("POST", f"/api/v1/jobs/{self.pick(['0', '999999', *BIG[3:]])}/{change}")
            self.judge(f"{change} of no job", answer, REFUSED)
            return
        text = self.dumped(self.pick(bodies))
        text = self.pick(
            [text, text, text[:-1], text + b"}", b"\xff" + text, b"\xef\xbb\xbf" + text[:-1], b"[" * 100_000]
        )
        if text in (b"", b"{}"):
            return  # all tasks
        answer = self.request("POST", f"/api/v1/jobs/{self.victim()}/{change}", text)
        self.judge(f"{change} {text[:200]!r}", answer, REFUSED)

    def submissions_that_are_wrong(self):
        head = {"spec": {"name": "fuzz", "hold": True, "kinds": [{"function": "same"}]}, "tasks": 1}
        lines = [b"1"]
        spec, kind = head["spec"], head["spec"]["kinds"][0]
        junk = self.pick(JUNK)
        name = self.pick(["name", "priority", "hold", "max_fails", "after", "key", "kinds"])
        kind_name = self.pick(
            "function command columns task_directory stdin_file stdout_file stderr_file mpi ranks threads gpus memory "
            "resources timeout retries max_losses cache environment directory".split()
        )
        case = self.rng.randrange(12)
        allowed = REFUSED
        if case == 0:  # a wrong value: the server may find it good
            spec[name] = junk
            allowed = [201, *REFUSED]
        elif case == 1:
            kind[kind_name] = junk
            allowed = [201, *REFUSED]
        elif case == 2:
            spec[name + "s"] = junk
        elif case == 3:
            kind[kind_name[:-1]] = junk
        elif case == 4:
            head[self.pick(["task", "Spec", "", "x" * 10_000])] = junk
        elif case == 5:
            head["tasks"] = self.pick([each for each in JUNK if each is True or each != 1] + ["1", 2, 10**6])
        elif case == 6:
            kind["function"] = self.pick(["", "sam", "same\u0000", "../same", "nothing;", "x" * 10_000])
        elif case == 7:
            lines = [
                self.pick(
                    [
                        b'"x"',
                        b"[]",
                        b"{}",
                        b"[1,2]",
                        b"1 2",
                        b"nul",
                        b"\xff",
                        b"",
                        b"[" * 200_000,
                        b"1e999",
                        b'"\xed\xa0\x80"',
                    ]
                )
            ]
        elif case == 8:
            lines = self.pick([[], [b"1", b"2"], [b"1", b"", b""], [b"", b"1"]])
        elif case == 9:
            head["listed"] = self.pick([True, True, 1, "x", None])
            needs = self.pick([[0], [1], [-1], [2**32], "0", [[0]], None, 0])
            lines = [self.dumped({"input": 1, self.pick(["needs", "kind", "name", "x"]): needs})]
            allowed = [201, *REFUSED]
        elif case == 10:
            spec["kinds"] = self.pick(
                [
                    [],
                    {},
                    [{}],
                    [[]],
                    [None],
                    [{"function": "same", "command": ["x"]}],
                    [{"command": []}],
                    [{"command": [1]}],
                    [{"command": [""]}],
                ]
            )
        else:
            spec["after"] = self.pick([[0], [10**9], [-1], ["1"], [2**64], 1.5])
        first = self.dumped(head)
        body = self.pick([b"\n", b"\n", b"\r\n"]).join([first, *lines]) + self.pick([b"", b"\n"])
        if self.rng.randrange(20) == 0:
            place = self.rng.randrange(len(first))
            body, allowed = body[:place] + bytes([self.rng.randrange(256)]) + body[place + 1 :], [201, *REFUSED]
        answer = self.request("POST", "/api/v1/jobs", body, [("Content-Type", "application/x-ndjson")])
        self.judge(f"submission {body[:300]!r}", answer, allowed)

    def ports_that_are_not_for_all(self):
        token = ("Authorization", f"Bearer {self.token}")
        host = f"127.0.0.1:{self.port}"
        fields, status = self.pick(
            [
                ([("Host", host)], 401),
                ([("Host", host), ("Authorization", "Bearer ")], 401),
                ([("Host", host), ("Authorization", f"Bearer {self.token[:-1]}")], 401),
                ([("Host", host), ("Authorization", f"Bearer {self.token}x")], 401),
                ([("Host", host), ("Authorization", f"Bearer {self.token.swapcase()}")], 401),
                ([("Host", host), ("Authorization", f"Basic {self.token}")], 401),
                ([("Host", host), ("Authorization", self.token)], 401),
                ([("Host", host), ("Cookie", f"token={self.token}; key={self.token}")], 401),
                ([("Host", "example.org"), token], 403),
                ([("Host", f"example.org:{self.port}"), token], 403),
                ([("Host", "localhost.example.org"), token], 403),
                ([("Host", host + "@example.org"), token], 403),
                ([("Host", host), ("Origin", "http://example.org"), token], 403),
                ([("Host", host), ("Origin", "null"), token], 403),
                ([("Host", host), ("Origin", f"http://{host}.example.org"), token], 403),
                ([("Host", host), ("Origin", f"http://127.0.0.1:{self.port + 1}"), token], 403),
                ([("Host", host), token], 200),
                ([("Host", f"localhost:{self.port}"), ("Origin", f"http://localhost:{self.port}"), token], 200),
            ]
        )
        target = self.pick(["/api/v1/server", "/api/v1/jobs", "/metrics", "/api/v1/functions"])
        self.judge(f"{target} with {fields}", self.request("GET", target, headers=fields, by_port=True), [status])
        if status != 200:
            answer = self.request("POST", "/api/v1/server/stop", headers=fields, by_port=True)
            self.judge(f"stop with {fields}", answer, [status])

    def streams_that_are_left(self):
        last = self.pick(["", "x", "-1", "0", "1", "9" * 300, "\u00ff", "1-1", "\t"])
        job = self.pick(["", *[f"?job={each}" for each in BIG], "?job=", "?x=1"])
        connection = self.connect()
        fields = f"Host: a\r\nLast-Event-ID: {last}\r\n".encode("latin-1")
        connection.sendall(f"GET /api/v1/events{job} HTTP/1.1\r\n".encode() + fields + b"\r\n")
        start = connection.recv(12)
        assert start.startswith((b"HTTP/1.1 200", b"HTTP/1.1 4")), f"events{job}, {last!r}: {start!r}"
        self.keep(connection)

    def connections_that_say_nothing_more(self):
        data = b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"
        connection = self.connect()
        connection.sendall(data[: self.rng.randrange(len(data) + 1)])
        self.keep(connection)

    def keep(self, connection):
        self.kept.append(connection)
        if len(self.kept) > 60:
            self.kept.pop(self.rng.randrange(60)).close()

    def two_requests_in_one(self):
        first = f"GET /api/v1/jobs/{self.victim()} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        second = f"GET /api/v1/jobs/{self.pick(BIG)}x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        self.judge("two requests at once", self.exchange(first + second), [200])

    def dumped(self, value):
        return json.dumps(value, separators=(",", ":")).encode()

    CASES = [
        (bytes_that_are_no_http, 2),
        (lengths_that_are_wrong, 1),
        (chunks_that_are_none, 1),
        (bodies_that_are_cut_off, 2),
        (paths_that_lead_nowhere, 4),
        (methods_that_are_none, 2),
        (queries_that_say_nothing, 6),
        (changes_that_mean_nothing, 6),
        (submissions_that_are_wrong, 8),
        (ports_that_are_not_for_all, 4),
        (streams_that_are_left, 1),
        (connections_that_say_nothing_more, 1),
        (two_requests_in_one, 1),
    ]

    def run(self, seconds):
        cases = [case for case, weight in self.CASES for _ in range(weight)]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(200):
                case = self.pick(cases)
                case(self)
                self.counts[case.__name__] = self.counts.get(case.__name__, 0) + 1
            self.check()

    # What takes its time

    def slow_requests_are_ended(self):
        """Some bytes of a head, and no more: the server says so, or closes, and does not wait for ever."""
        slow = [self.connect() for _ in range(20)]
        begin = time.monotonic()
        for i, connection in enumerate(slow):
            connection.sendall(b"GET /api/v1/server HTTP/1.1\r\nHost: a\r\n"[: 10 + i])
        for connection in slow:
            data = connection.recv(4096)
            assert data == b"" or data.startswith(b"HTTP/1.1 408 "), f"a slow head: {data!r}"
            connection.close()
        assert time.monotonic() - begin > 1, "a head has no time to arrive"

    def many_connections_are_refused_and_forgiven(self):
        many = []
        for _ in range(700):
            try:
                many.append(self.connect())
            except OSError:
                break
        refused = 0
        for connection in many[-20:]:
            try:
                connection.sendall(b"GET /api/v1/server HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                refused += not connection.recv(4096).startswith(b"HTTP/1.1 200")
            except OSError:
                refused += 1
        assert refused, "there is no limit for connections"
        for connection in many:
            connection.close()
        until(self.answers)

    def answers(self):
        try:
            return self.client.server()["process"] == self.process
        except (farm_client.NoServer, farm_client.ServerError):
            return False

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process}/fd"))

    def memory(self):
        text = pathlib.Path(f"/proc/{self.process}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) >> 10  # MiB


def main():
    print(f"seed {SEED}", flush=True)
    with RealServer(ranks=2, options=("--listen", "127.0.0.1:0")) as server, server.client() as client:
        fuzzer = Fuzzer(server, client, random.Random(SEED))
        fuzzer.submit_jobs()
        descriptors, memory = fuzzer.descriptors(), fuzzer.memory()
        try:
            fuzzer.run(SECONDS)
            fuzzer.slow_requests_are_ended()
            fuzzer.many_connections_are_refused_and_forgiven()
            fuzzer.check()
        except BaseException:
            print(server.log.read_text(), flush=True)
            raise
        for connection in fuzzer.kept:
            connection.close()
        for job in client.jobs():
            if job.number not in [each.number for each in fuzzer.jobs]:
                job.cancel()
                job.wait(60)
                job.forget()
        fuzzer.check()
        until(lambda: fuzzer.descriptors() <= descriptors + 5)
        growth = fuzzer.memory() - memory
        assert growth < 300, f"the server has grown by {growth} MiB"
        print(f"{sum(fuzzer.counts.values())} requests, {growth} MiB of growth: {fuzzer.counts}")


main()
