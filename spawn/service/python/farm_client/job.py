"""A job: what was submitted at once."""

from __future__ import annotations

import concurrent.futures
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from .connection import API, Reply
from .errors import FarmError, error_of
from .futures import FutureList, deadline_of
from .tracker import ENDED, MOST_BYTES, Tracker
from .values import Decode, with_arrays
from .arrays import can_read

if TYPE_CHECKING:
    from .client import Client

_PAGE = 1000  # results that are asked for at once
_TURN = 20  # seconds for which the server is asked to wait


class Record(NamedTuple):
    """A task that has ended: its result, or its error in place of it."""

    task: int
    input: Any
    result: Any
    error: Optional[FarmError]
    attempts: int
    seconds: float


class Progress(NamedTuple):
    """How far a job is, in tasks. Times are in seconds."""

    state: str
    tasks: int
    done: int
    finished: int
    failed: int
    cancelled: int
    running: int
    rate: float
    seconds_left: Optional[float]

    def __str__(self) -> str:
        text = f"{self.done} of {self.tasks} done"
        for count, word in ((self.failed, "failed"), (self.cancelled, "cancelled"), (self.running, "running")):
            text += f", {count} {word}" if count else ""
        return text + (f", {self.seconds_left:.0f} s left" if self.seconds_left is not None else "")


class Job:
    """A job at the server. It stays there when this object, the client and the program have gone: client.job(number)
    returns it."""

    def __init__(self, client: "Client", number: int, tasks: int, decode: Decode, is_fresh: bool = False) -> None:
        self.client = client
        self.number = number
        self._tracker = Tracker(client._listener, client, number, tasks, decode, is_fresh)

    @property
    def futures(self) -> FutureList:
        """The futures of its tasks, in the order of the inputs."""
        return FutureList(self._tracker)

    def __len__(self) -> int:
        """Returns the number of its tasks."""
        return self._tracker.tasks

    def __repr__(self) -> str:
        return f"<Job {self.number} of {len(self)} tasks>"

    def info(self) -> Dict[str, Any]:
        """Returns all that the server knows of the job, its specification included."""
        found: Dict[str, Any] = self._get("")
        return found

    @property
    def name(self) -> str:
        """Its name. Asks the server, as `state` does."""
        return str(self.info()["name"])

    @property
    def state(self) -> str:
        """waiting, blocked, held, running, finished, failed, or cancelled."""
        return str(self.info()["state"])

    def progress(self) -> Progress:
        """Returns how far the job is."""
        return _progress(self.info())

    def wait(self, timeout: Optional[float] = None) -> str:
        """Waits until all tasks have ended, and returns the state of the job: finished, failed or cancelled. Raises
        concurrent.futures.TimeoutError after `timeout` seconds. A server that goes away is waited for."""
        deadline = deadline_of(timeout)
        while True:
            left = deadline - time.monotonic()
            seconds = int(max(0.0, min(_TURN, left)))  # the server takes whole ones
            info: Any = self.client._listener.patiently(partial(self._get_waiting, seconds), deadline)
            if info["state"] in ENDED:
                return str(info["state"])
            if left <= 0:
                raise concurrent.futures.TimeoutError(f"job {self.number} has not ended: {_progress(info)}")
            if seconds == 0:
                time.sleep(min(left, 0.05))

    def results(self) -> Iterator[Record]:
        """Yields a record for each task that has ended, in the order of the inputs."""
        size = _PAGE // 10
        place = 0
        while place < len(self):
            path = f"/jobs/{self.number}/results?from={place}&limit="
            body, size = self.client._connection.get_page(path, size)
            for line in body.split(b"\n"):
                if line:
                    yield self._record(json.loads(line))
            place += size
            size = max(1, min(_PAGE, MOST_BYTES * size // max(1, len(body))))

    def cancel(self, tasks: Optional[str] = None) -> int:
        """Cancels its tasks that have not ended, or some: "0-5,7". Returns how many. Those that run are stopped."""
        return self._change("cancel", tasks)

    def retry(self, tasks: Optional[str] = None) -> int:
        """Lets failed and cancelled tasks run again, with new futures; the old ones stay done. Returns how many."""
        count = self._change("retry", tasks)
        self._tracker.forget_failures()
        return count

    def hold(self) -> int:
        """Lets no further task start. Returns how many are held."""
        return self._change("hold", None)

    def release(self) -> int:
        """Lets tasks that are held start. Returns how many."""
        return self._change("release", None)

    def set_priority(self, priority: int) -> None:
        """Jobs of higher priority come first."""
        self.client._connection.post(f"/jobs/{self.number}/priority", {"priority": priority})

    def forget(self) -> None:
        """Removes the job, which must have ended, with its results and arrays."""
        self.client._connection.post(f"/jobs/{self.number}/forget")

    def log(self, task: Optional[int] = None) -> str:
        """Returns what its tasks, or one of them, have printed."""
        return "".join(self._log(task))

    def follow(self, task: Optional[int] = None, interval: float = 0.5) -> Iterator[str]:
        """Yields what its tasks, or one of them, print, until the job has ended."""
        place = 0
        while True:
            has_ended = self.state in ENDED
            for text, place in self._log_from(task, place):
                yield text
            if has_ended:
                return
            time.sleep(interval)

    def _log(self, task: Optional[int]) -> Iterator[str]:
        for text, _ in self._log_from(task, 0):
            yield text

    def _log_from(self, task: Optional[int], place: int) -> Iterator[Tuple[str, int]]:
        which = "" if task is None else f"task={task}&"
        while True:
            reply: Reply = self._request("GET", f"{API}/jobs/{self.number}/log?{which}from={place}")
            place = int(reply.headers.get("x-next", place + len(reply.body)))
            if not reply.body:
                return
            yield reply.body.decode(errors="replace"), place

    def _record(self, record: Mapping[str, Any]) -> Record:
        error = None
        result = None
        if "error" in record and record["error"] is not None:
            error = _error(self.number, record)
        else:
            result = self._tracker.decode(record.get("result"))
            result = with_arrays(result) if can_read() else result
        attempts, seconds = record.get("attempts", 0), record.get("seconds", 0.0)
        return Record(int(record["index"]), record.get("input"), result, error, attempts, seconds)

    def _change(self, what: str, tasks: Optional[str]) -> int:
        body = None if tasks is None else {"tasks": tasks}
        return int(self.client._connection.post(f"/jobs/{self.number}/{what}", body)["tasks"])

    def _get(self, path: str, limit: Optional[float] = None) -> Any:
        return self.client._connection.get(f"/jobs/{self.number}{path}", limit=limit)

    def _get_waiting(self, seconds: int) -> Any:
        return self._get(f"/wait?seconds={seconds}", seconds + self.client._connection.timeout)

    def _request(self, method: str, target: str) -> Reply:
        return self.client._connection.request(method, target)


def _progress(info: Mapping[str, Any]) -> Progress:
    counts: Mapping[str, int] = info["counts"]
    finished, failed, cancelled = (counts.get(name, 0) for name in ENDED)
    return Progress(
        info["state"],
        info["tasks"],
        finished + failed + cancelled,
        finished,
        failed,
        cancelled,
        counts.get("running", 0),
        info["rate"],
        info["seconds_left"],
    )


def _error(job: int, record: Mapping[str, Any]) -> Optional[FarmError]:
    error = record["error"]
    if not isinstance(error, dict):
        error = {"text": str(error)}
    state = record.get("state") or ("cancelled" if error.get("type") == "farm::CancelledError" else "failed")
    return error_of({"job": job, "task": record["index"], "state": state, "error": error})
