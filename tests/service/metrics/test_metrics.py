#!/usr/bin/python3
"""test_metrics.py PROGRAM: lets promtool check GET /metrics, and a Prometheus scrape it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

if not shutil.which("prometheus") or not shutil.which("promtool"):
    print("skipped: metrics: Prometheus is not installed; scripts/setup --browser installs it")
    sys.exit(77)

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from farm_server import FarmServer  # noqa: E402

PROGRAM = sys.argv.pop(1)


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except OSError:
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {seconds} s it did not happen: {what}")
        time.sleep(0.1)


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp()
        cls.server = FarmServer(PROGRAM, ["--listen", "127.0.0.1:0"], ranks=2, directory=os.path.join(cls.directory, "state"))
        cls.good = cls.server.submit_script("true", 20)
        cls.bad = cls.server.submit_script("exit 1", 3)
        cls.held = cls.server.submit_script("true", 1000, hold=True)
        until(lambda: cls.server.job(cls.good)["state"] == "finished" and cls.server.job(cls.bad)["state"] == "failed", "the jobs have ended")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.directory, ignore_errors=True)

    def test_promtool_finds_nothing_to_say(self):
        text = self.server.request("GET", "/metrics")
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))

    def test_a_prometheus_scrapes_the_port_with_the_token(self):
        settings = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "farm", "static_configs": [{"targets": [self.server.address]}],
                                "authorization": {"credentials_file": os.path.join(self.server.directory, "token")}}]}
        path = os.path.join(self.directory, "prometheus.yml")  # JSON is YAML
        with open(path, "w", encoding="utf-8") as file:
            json.dump(settings, file)
        subprocess.run(["promtool", "check", "config", path], check=True, capture_output=True)
        log = open(os.path.join(self.directory, "prometheus.log"), "w+", encoding="utf-8")
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.directory}/data", "--web.listen-address=127.0.0.1:0"],
            stdout=log, stderr=log)
        try:
            def port():
                if prometheus.poll() is not None:
                    raise AssertionError(open(log.name, encoding="utf-8").read())
                ports = [each.rsplit(":", 1)[1] for each in listening(prometheus.pid)]
                return ports and ports[0]

            address = f"http://127.0.0.1:{until(port, 'Prometheus listens')}/api/v1/query?query="

            def value(query):
                answer = json.load(urllib.request.urlopen(address + urllib.parse.quote(query), timeout=10))
                result = answer["data"]["result"]
                return float(result[0]["value"][1]) if result else None

            until(lambda: value("up") == 1, "Prometheus has scraped the server")
            until(lambda: value('farm_tasks{state="held"}') == 1000, "the held tasks are in Prometheus")
            self.assertEqual(value('farm_task_ends_total{state="finished"}'), 20)
            self.assertEqual(value('farm_task_ends_total{state="failed"}'), 3)
            self.assertEqual(value('farm_jobs{state="finished"}'), 1)
            self.assertEqual(value("farm_slots"), 2)
            self.assertEqual(value("count(farm_build_info)"), 1)
            self.assertGreater(value("process_resident_memory_bytes"), 1e6)
            until(lambda: value("rate(process_cpu_seconds_total[30s])") is not None, "a rate can be computed")
            self.server.post(f"/api/v1/jobs/{self.held}/cancel")
            until(lambda: value('farm_task_ends_total{state="cancelled"}') == 1000, "a change arrives")
        finally:
            prometheus.terminate()
            prometheus.wait()
            log.close()

    def test_the_port_wants_the_token(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{self.server.address}/metrics", timeout=10)
        self.assertEqual(refused.exception.code, 401)


def listening(process):
    """Returns the ports of 127.0.0.1 on which a process listens, as the kernel tells."""
    sockets = set()
    for name in os.listdir(f"/proc/{process}/fd"):
        try:
            sockets.add(os.readlink(f"/proc/{process}/fd/{name}"))
        except OSError:
            pass
    found = []
    for line in open("/proc/net/tcp", encoding="ascii").readlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            found.append(f"127.0.0.1:{int(fields[1].split(':')[1], 16)}")
    return found


if __name__ == "__main__":
    unittest.main(verbosity=2)
