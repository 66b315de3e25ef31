#!/usr/bin/python3
"""page.py [PROGRAM]: measures the web page in a headless Chromium. Prints lines of a name and a number.

First before a made-up server with 1,000 groups: the bytes of a load, the time to the first paint, frames per second while
lanes move and while they are scrolled, the share of a core that the page's thread takes. Then, if a program with functions is
named, before `PROGRAM serve`: how many no-ops it runs in a second, and what processor time it takes for each, with and without
the page open, in turn. Needs Debian's chromium and python3-websocket.
"""

import http.server
import json
import os
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "../service/page"), os.path.join(here, "../service")]
from browser import Browser, until  # noqa: E402
from farm_server import FarmServer  # noqa: E402

WEB = os.path.join(here, "../../spawn/service/web")
GROUPS = 1000
SECONDS = 5
TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
STATES = ("waiting", "blocked", "held", "running", "finished", "failed", "cancelled")


class MadeUp(http.server.BaseHTTPRequestHandler):
    """1,000 groups of 1, 2 or 4 ranks, whose tasks last some seconds, and a job of a million tasks."""

    protocol_version = "HTTP/1.1"
    begin = time.time()

    def log_message(self, *_):
        pass

    def group(self, number, at):
        length = 1 + number % 7
        task = int((at - self.begin + number % 5) // length)
        return {"group": number, "ranks": (1, 2, 4)[number % 3], "hosts": [f"node{number % 16}"], "state": "running", "job": 1 + number % 8,
                "task": number * 1000 + task, "attempt": 1, "since": self.begin - number % 5 + task * length, "progress": 0, "tasks": task,
                "taken_over": False}

    def job(self, number):
        counts = dict.fromkeys(STATES, 0) | {"running": GROUPS // 8, "finished": 400_000, "waiting": 600_000 - GROUPS // 8}
        return {"job": number, "name": f"job {number}", "state": "running", "function": "calc", "ranks": 2, "tasks": 1_000_000, "counts": counts,
                "submitted": self.begin, "started": self.begin, "ended": None, "priority": 0, "after": [], "seconds_left": 100, "rate": 500,
                "why": None, "first_error": None}

    def do_GET(self):
        path = self.path.split("?")[0]
        now = time.time()
        if path == "/api/v1/events":
            return self.events()
        if path == "/api/v1/server":
            return self.json({"program": "farm", "host": "here", "source": "made up", "slots": "", "max_ranks": 4096, "since": self.begin, "state": "serving",
                              "problem": None, "damage": [], "jobs": 8, "groups": GROUPS, "rate": 4000,
                              "counts": dict.fromkeys(STATES, 0) | {"running": GROUPS, "waiting": 4_800_000}})
        if path == "/api/v1/groups":
            return self.json({"groups": [self.group(number, now) for number in range(1, GROUPS + 1)]})
        if path == "/api/v1/jobs":
            return self.json({"jobs": [self.job(number) for number in range(1, 9)], "next": None})
        name = "index.html" if path == "/" else os.path.basename(path)
        file = os.path.join(WEB, name)
        if name.rsplit(".", 1)[-1] not in TYPES or not os.path.exists(file):
            return self.answer(b"{}", "application/json", 404)
        with open(file, "rb") as opened:
            return self.answer(opened.read(), TYPES[name.rsplit(".", 1)[-1]])

    def json(self, value):
        self.answer(json.dumps(value).encode(), "application/json")

    def answer(self, body, kind, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        before = time.time()
        number = 0
        try:
            while True:
                time.sleep(0.25)
                now = time.time()
                changed = [new for each in range(1, GROUPS + 1) if (new := self.group(each, now))["task"] != self.group(each, before)["task"]]
                before = now
                for kind, data in (("groups", {"groups": changed}), ("job", self.job(1 + number % 8)), ("server", {"rate": 4000 + number % 100})):
                    number += 1
                    self.wfile.write(f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode())
        except OSError:
            pass


FRAMES = """new Promise(done => {
  let frames = 0, worst = 0, begin = performance.now(), last = begin;
  const box = document.getElementById('lanes'), drawn = farmPage.canvas.drawn;
  const each = () => {
    const now = performance.now();
    ++frames; worst = Math.max(worst, now - last); last = now;
    if (SCROLL) box.scrollTop = (box.scrollTop + 40) % (box.scrollHeight - box.clientHeight);
    if (now - begin < 1000 * SECONDS) return requestAnimationFrame(each);
    const seconds = (now - begin) / 1000;
    done({frames: frames / seconds, drawn: (farmPage.canvas.drawn - drawn) / seconds, worst});
  };
  requestAnimationFrame(each);
})""".replace("SECONDS", str(SECONDS))


def measure_page():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), MadeUp)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Browser(1440, 900) as browser:
        browser.open(f"http://127.0.0.1:{server.server_port}/")
        browser.wait(f"farmPage.lanes.list().length === {GROUPS}")
        files = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter(each => !each.name.includes('/api/'))"
        print("page_bytes", browser.evaluate(f"{files}.reduce((sum, each) => sum + each.transferSize, 0)"))
        print("page_first_paint_ms", round(browser.wait("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")))
        before = browser.metrics()
        time.sleep(SECONDS)
        after = browser.metrics()
        print("page_thread_percent", round(100 * (after["TaskDuration"] - before["TaskDuration"]) / SECONDS, 1))
        print("page_script_percent", round(100 * (after["ScriptDuration"] - before["ScriptDuration"]) / SECONDS, 1))
        for name, scroll in (("moving", "false"), ("scrolling", "true")):
            found = browser.evaluate(FRAMES.replace("SCROLL", scroll))
            print(f"page_{name}_frames_per_s", round(found["frames"], 1))
            print(f"page_{name}_drawn_per_s", round(found["drawn"], 1))
            print(f"page_{name}_longest_frame_ms", round(found["worst"], 1))
        if browser.complaints:
            sys.exit(f"the page complains: {browser.complaints}")
    server.shutdown()


def processor_seconds(process):
    fields = open(f"/proc/{process}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_server(program):
    """The server's own rate and processor time while no-ops run, with the page and without it in turn."""
    with FarmServer(program, ["--web"], ranks=2) as server, Browser() as browser:
        server.submit({"function": "calc"}, list(range(2_000_000)))
        until(lambda: server.job(1)["counts"]["finished"] > 1000, "tasks end", 120)
        rates, costs = {True: [], False: []}, {True: [], False: []}
        for turn in range(8):
            has_page = turn % 2 == 1
            browser.open(server.page if has_page else "data:text/html,nothing")
            time.sleep(2)
            count, used, begin = server.job(1)["counts"]["finished"], processor_seconds(server.process.pid), time.monotonic()
            time.sleep(SECONDS)
            done = server.job(1)["counts"]["finished"] - count
            rates[has_page].append(done / (time.monotonic() - begin))
            costs[has_page].append(1e6 * (processor_seconds(server.process.pid) - used) / max(1, done))
        for has_page, name in ((False, "without"), (True, "with")):
            print(f"server_{name}_page_tasks_per_s", round(statistics.median(rates[has_page])))
            print(f"server_{name}_page_us_per_task", round(statistics.median(costs[has_page]), 1))


measure_page()
if len(sys.argv) > 1:
    measure_server(sys.argv[1])
