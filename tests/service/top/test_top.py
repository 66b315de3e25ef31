#!/usr/bin/python3
"""test_top.py PROGRAM: tests `PROGRAM top` in a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from farm_server import FarmServer  # noqa: E402

PROGRAM = sys.argv.pop(1)
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {seconds} s it did not happen: {what}")
        time.sleep(0.02)


class Terminal:
    """A terminal with `top` in it. `lines` are what it shows."""

    def __init__(self, directory, arguments=(), columns=100, rows=30, **environment):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.settings = termios.tcgetattr(slave)
        self.slave = slave
        self.output = ""
        values = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", **environment}
        values.pop("LC_ALL", None)

        def take_terminal():  # so that Ctrl-C and Ctrl-Z become signals
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([PROGRAM, "top", "--dir", directory, "--interval", "0.2", *arguments], stdin=slave, stdout=slave,
                                        stderr=slave, env=values, preexec_fn=take_terminal)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.output += data.decode(errors="replace")

    @property
    def lines(self):
        """The last whole picture, without what is not text."""
        self.read()
        pictures = self.output.split("\x1b[H")
        whole = [each for each in pictures[1:] if "\x1b[J" in each]
        if not whole:
            return []
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole[-1].split("\x1b[J")[0]).split("\r\n")

    def shows(self, text):
        return any(text in line for line in self.lines)

    def send(self, keys):
        os.write(self.master, keys.encode())

    def wait(self):
        """Waits for the end. Returns the exit status."""
        def ended():
            self.read()
            return self.process.poll() is not None
        until(ended, "top has ended")
        self.read()
        return self.process.returncode

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.settings

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class TopTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp()
        cls.server = FarmServer(PROGRAM, ranks=2, directory=os.path.join(cls.directory, "state"))
        cls.failing = cls.server.submit_script("echo no luck; exit 3", 1, name="unlucky")
        until(lambda: cls.server.job(cls.failing)["state"] == "failed", "the job has failed")
        cls.steady = cls.server.submit_script("sleep 0.2", 100_000, name="steady")
        until(lambda: cls.server.job(cls.steady)["counts"]["finished"] > 0, "tasks end")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.directory, ignore_errors=True)

    def top(self, *arguments, **options):
        terminal = Terminal(self.server.directory, arguments, **options)
        self.addCleanup(terminal.close)
        return terminal

    def live(self, **options):
        terminal = self.top(**options)
        until(lambda: terminal.shows("steady"), "top shows the job")
        return terminal

    def test_it_shows_what_runs_and_goes_on(self):
        terminal = self.live()
        until(lambda: terminal.shows(f"{self.steady}."), "a task of the job is on a group")
        self.assertTrue(terminal.shows("unlucky"))
        self.assertTrue(terminal.shows("FAILED"))
        first = next(line for line in terminal.lines if "steady" in line)
        until(lambda: any("steady" in line and line != first for line in terminal.lines), "the row changes")
        terminal.send("q")
        self.assertEqual(terminal.wait(), 0)

    def test_it_leaves_the_terminal_as_it_was(self):
        for keys, number, status in (("q", None, 0), ("\x03", None, 0), ("", signal.SIGTERM, 143), ("", signal.SIGHUP, 129)):
            with self.subTest(keys=keys, signal=number):
                terminal = self.live()
                self.assertFalse(terminal.is_as_before())
                if number:
                    terminal.process.send_signal(number)
                terminal.send(keys)
                self.assertEqual(terminal.wait(), status)
                self.assertTrue(terminal.is_as_before())
                self.assertEqual(terminal.output.count(ENTER), terminal.output.count(LEAVE))
                self.assertTrue(terminal.output.endswith(LEAVE))

    def test_it_follows_the_size_of_the_terminal(self):
        terminal = self.live()
        for columns, rows in ((40, 12), (150, 45), (20, 5)):
            terminal.resize(columns, rows)
            until(lambda r=rows: len(terminal.lines) == r, f"there are {rows} lines")
            self.assertLessEqual(max(len(line) for line in terminal.lines), columns)

    def test_ctrl_z_gives_the_terminal_back_for_a_while(self):
        terminal = self.live()
        terminal.send("\x1a")
        until(lambda: (terminal.read(), terminal.output.endswith(LEAVE))[1], "the terminal is given back")
        until(lambda: open(f"/proc/{terminal.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()[0] == "T", "top has stopped")
        self.assertTrue(terminal.is_as_before())
        terminal.output = ""
        terminal.process.send_signal(signal.SIGCONT)
        until(lambda: terminal.shows("steady"), "top goes on")
        terminal.send("q")
        self.assertEqual(terminal.wait(), 0)

    def test_keys_sort_and_scroll(self):
        terminal = self.live()
        self.assertTrue(terminal.shows("newest first  <"))
        terminal.send("s")
        until(lambda: terminal.shows("most failures first  <"), "the order is another one")
        terminal.send("\t")
        until(lambda: terminal.shows("by number  <"), "the groups are chosen")
        terminal.send("\t\x1b[B")
        until(lambda: not terminal.shows("steady") or not terminal.shows("unlucky  "), "the jobs have moved")

    def test_colours_can_be_turned_off(self):
        coloured = self.live()
        plain = self.live(NO_COLOR="1")
        colour = re.compile(r"\x1b\[[1-9][0-9;]*m")
        self.assertRegex(coloured.output, colour)
        self.assertNotRegex(plain.output, colour)

    def test_without_a_terminal_it_prints_once(self):
        done = subprocess.run([PROGRAM, "top", "--dir", self.server.directory], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
        self.assertIn("steady", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        dumb = self.top(TERM="dumb")
        self.assertEqual(dumb.wait(), 0)
        self.assertIn("steady", dumb.output)
        self.assertNotIn("\x1b", dumb.output)

    def test_it_prints_json(self):
        import json
        done = subprocess.run([PROGRAM, "top", "--dir", self.server.directory, "--output-mode", "json"], capture_output=True, text=True, timeout=60, check=True)
        facts = json.loads(done.stdout)
        self.assertIn(self.steady, [job["job"] for job in facts["jobs"]])
        self.assertEqual(facts["server"]["directory"], self.server.directory)
        self.assertIsInstance(facts["groups"], list)

    def test_no_server_is_one_line(self):
        nowhere = os.path.join(self.directory, "nowhere")
        terminal = Terminal(nowhere)
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.wait(), 3)
        self.assertNotIn(ENTER, terminal.output)
        self.assertEqual(terminal.output.count("\n"), 1)

    def test_zz_a_server_that_dies_is_told(self):
        terminal = self.live()
        self.server.kill()
        until(lambda: len(terminal.lines) > 4 and "server" in terminal.lines[3], "top tells it", 60)
        type(self).server = FarmServer(PROGRAM, ranks=2, directory=self.server.directory)
        until(lambda: terminal.lines[3] == "" and terminal.shows("steady"), "top finds the next server", 60)
        terminal.send("q")
        self.assertEqual(terminal.wait(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
