"""A server of its own for a test: what FARM_PROGRAM serves, in a scratch directory."""

import os
import pathlib
import shlex
import signal
import subprocess
import tempfile
import time

import farm_client

PROGRAM = os.environ.get("FARM_PROGRAM", "")  # a program with farm's command line
MPIEXEC = os.environ.get("FARM_MPIEXEC", "mpiexec")


def until(condition, seconds=60):
    """Waits until that is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it has not come to this")
        time.sleep(0.01)


class RealServer:
    """`is_launched`: groups are started by launchers, and may outlive the server; else by mpiexec, as many ranks."""

    def __init__(self, is_launched=True, ranks=4, options=(), program=None):
        self._scratch = tempfile.TemporaryDirectory()
        self.directory = pathlib.Path(self._scratch.name) / "state"
        self._command = [program or PROGRAM, "serve", "--dir", str(self.directory), "--reconnect", "60", *options]
        if is_launched:
            self._command += ["--source", "launched", "--hosts", f"localhost:{ranks}"]
        else:
            self._command = [*shlex.split(MPIEXEC), "-n", "1", "-host", f"localhost:{ranks + 1}", *self._command]
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.log = self.directory.parent / "log.txt"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until(self._answers)
        return self

    def _answers(self):
        if self._process.poll() is not None:
            raise AssertionError(f"the server has ended: {self.log.read_text()}")
        try:
            self.client().close()
            return True
        except farm_client.NoServer:
            return False

    def client(self, **options):
        return farm_client.Client(self.directory, **options)

    def kill(self):
        """kill -9 of the process that serves."""
        with self.client() as client:
            process = client.server()["process"]
        os.kill(process, signal.SIGKILL)
        self._process.wait(60)

    def stop(self):
        """Ends the server, and all that an earlier one has left, and removes the directory."""
        try:
            if self._process.poll() is not None:
                self.start()
            with self.client() as client:
                client.stop("now")
            self._process.wait(60)
        except BaseException:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            print(self.log.read_text())
            raise
        finally:
            self._scratch.cleanup()
