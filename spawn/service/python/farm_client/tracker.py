"""Which tasks of a job have ended, and what has come of them: one byte for each task, and results on request."""

from __future__ import annotations

import array
import concurrent.futures
import json
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from .errors import BadRequest, FarmError, NoServer, ServerError
from .events import Listener

if TYPE_CHECKING:
    from .futures import Future

ENDED = {"finished": 1, "failed": 2, "cancelled": 3}
_MOST_TASKS = 1000  # that are asked for at once
MOST_BYTES = 4 << 20
_FEW = 16  # futures for which each task is looked up, rather than all


class Tracker:
    """Follows one job. Thread-safe; no lock is held while something is asked of the server or a callback runs."""

    def __init__(
        self, listener: Listener, owner: object, job: int, tasks: int, decode: Callable[[Any], Any], is_fresh: bool
    ) -> None:
        self.listener = listener
        self.job = job
        self.tasks = tasks
        self.decode = decode
        self._owner = owner  # a client is not closed while its jobs and futures are there
        self._changed = listener.changed
        self._states = bytearray()  # of each task: 0, or a value of ENDED; empty until it is followed
        self._counts = [0] * (len(ENDED) + 1)
        self._futures: "weakref.WeakValueDictionary[int, Future]" = weakref.WeakValueDictionary()
        self._subscribers: "weakref.WeakSet[Ends]" = weakref.WeakSet()
        self._is_fresh = is_fresh  # it was submitted just now: nothing has ended before this client can hear of it
        self._is_synced = False
        self._knows_all = False  # every end up to now is in _states
        self._looked_up = 0
        self._page: Dict[int, Mapping[str, Any]] = {}  # ended tasks after the one that was loaded last
        self._page_begin = self._page_end = 0
        self._page_size = 1
        self._submitted: Optional[float] = None
        self._failure: Optional[FarmError] = None

    def future(self, task: int) -> "Future":
        """Returns the future of a task: the same one as long as somebody holds it."""
        from .futures import Future

        with self._changed:
            found = self._futures.get(task)
            if found is not None:
                return found
            future = self._futures[task] = Future(self, task)
            state = self._states[task] if self._states else 0
        if state:
            future.end(state)
        elif self._failure is not None:
            future.fail(self._failure)
        else:
            self._follow(task)
        return future

    def follow_all(self) -> None:
        """Finds out which tasks have ended, and is told from now on."""
        self._follow(None)

    def state(self, task: int) -> int:
        """Returns a value of ENDED, or 0."""
        return self._states[task] if self._states else 0

    def states(self, tasks: Sequence[int]) -> Iterator[int]:
        """Yields the state of each of these tasks."""
        return (self._states[task] for task in tasks)

    def wait(self, is_over: Callable[[], bool], deadline: float) -> bool:
        """Waits until that is so, and returns True; or until the deadline."""
        with self._changed:
            while not is_over():
                if self._failure is not None:
                    raise self._failure
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 3600))
            return True

    def record(self, ended: Iterable[Sequence[Any]]) -> None:
        """Takes pairs of a task and the name of its state."""
        done: List[Tuple["Future", int]] = []
        with self._changed:
            self._begin()
            for task, name in ended:
                state = ENDED.get(name, 0)
                if not state or not 0 <= task < self.tasks:
                    continue
                self._page.pop(task, None)  # of an earlier attempt, perhaps
                before = self._states[task]
                if before != state:
                    self._states[task] = state
                    self._counts[before] -= 1
                    self._counts[state] += 1
                if not before:
                    for subscriber in self._subscribers:
                        subscriber.add(task)
                future = self._futures.get(task)
                if future is None:
                    continue
                if future.done():
                    if before != state:
                        del self._futures[task]  # the next one who asks gets another: this end is a new one
                else:
                    done.append((future, state))
            self._changed.notify_all()
        for future, state in done:
            future.end(state)

    def forget_failures(self) -> None:
        """Failed and cancelled tasks run again: they have new futures."""
        with self._changed:
            for task, state in enumerate(self._states):
                if state > ENDED["finished"]:
                    self._states[task] = 0
                    self._counts[state] -= 1
                    self._counts[0] += 1
                    self._futures.pop(task, None)
            self._page.clear()
            self._knows_all = False

    def fail(self, error: FarmError) -> None:
        """There is nothing to wait for any more: all futures that are not done fail."""
        with self._changed:
            self._failure = error
            futures = [future for future in self._futures.values() if not future.done()]
            self._changed.notify_all()
        for future in futures:
            future.fail(error)

    def sync(self) -> None:
        """Asks which tasks have ended, since some ends may have been missed. Raises NoServer."""
        try:
            job = self.listener.connection.get(f"/jobs/{self.job}")
        except BadRequest as error:
            self.fail(FarmError(str(error)))
            return
        if self._submitted not in (None, job["submitted"]):
            self.fail(FarmError(f"job {self.job} is another one now: {self.listener.connection} began anew"))
            return
        self._submitted = job["submitted"]
        counts = job["counts"]
        with self._changed:
            self._begin()
            self._is_synced = True
            pending = [task for task, future in self._futures.items() if not future.done()]
            is_few = not self._subscribers and len(pending) <= _FEW
        if counts.get("finished", 0) == self.tasks:
            self._knows_all = True
            self.record((task, "finished") for task in range(self.tasks))
        elif is_few and any(counts.get(name, 0) for name in ENDED):
            self._knows_all = False
            for task in pending:
                self.load(task)
        else:
            self._scan(counts)

    def load(self, task: int) -> Optional[Mapping[str, Any]]:
        """Returns what the server says of a task that has ended, and None of another one. Whoever takes one after the
        other has the next ones brought along. Raises NoServer."""
        with self._changed:
            found = self._page.pop(task, None)
            if found is not None:
                return found
            follows = self._page_begin < task <= self._page_end + self._page_size
            size = self._page_size = min(4 * self._page_size, _MOST_TASKS) if follows else 1
        path = f"/jobs/{self.job}/tasks?from={task}&limit="
        body, size = self.listener.connection.get_page(path, size)
        tasks: List[Mapping[str, Any]] = json.loads(body)["tasks"]
        ended = {int(each["task"]): each for each in tasks if each["state"] in ENDED}
        self.record((each, value["state"]) for each, value in ended.items())
        mine = ended.pop(task, None)
        with self._changed:
            self._page, self._page_begin, self._page_end = ended, task, task + len(tasks)
            if tasks:
                self._page_size = max(1, min(size, MOST_BYTES * len(tasks) // max(1, len(body))))
        return mine

    def subscribe(self, ends: "Ends") -> None:
        """Tells `ends` each task that ends, from now on."""
        with self._changed:
            self._begin()
            self._subscribers.add(ends)

    def _begin(self) -> None:
        if not self._states:
            self._states = bytearray(self.tasks)
            self._counts[0] = self.tasks

    def _follow(self, task: Optional[int]) -> None:
        """Is told of ends from now on, and knows those up to now: of this task, or of all."""
        try:
            if not self.listener.add(self):  # the thread asks for all as soon as there is a server
                if task is not None and not self._is_fresh:
                    self.load(task)
                return
            if not self._is_synced:
                self.sync()
            elif not self._knows_all:
                self._looked_up += 1
                if task is not None and self._looked_up < _FEW:
                    self.load(task)
                else:
                    self._scan(self.listener.connection.get(f"/jobs/{self.job}")["counts"])
        except (NoServer, ServerError):
            self.listener.owe_sync()
        except FarmError as error:
            self.fail(error)

    def _scan(self, counts: Mapping[str, int]) -> None:
        for name, state in ENDED.items():
            count = counts.get(name, 0)
            if not count or (name == "finished" and count == self._counts[state]):
                continue  # a failed task may have been taken back and another have failed; a finished one stays so
            place: Optional[int] = 0
            size = _MOST_TASKS // 10
            while place is not None:
                path = f"/jobs/{self.job}/tasks?state={name}&from={place}&limit="
                body, size = self.listener.connection.get_page(path, size)
                page = json.loads(body)
                tasks = page["tasks"]
                self.record((each["task"], name) for each in tasks)
                size = max(1, min(_MOST_TASKS, MOST_BYTES * len(tasks) // max(1, len(body))))
                place = page["next"]
        self._knows_all = True


class Ends:
    """The tasks of a job in the order in which they end; those first that have ended already."""

    def __init__(self, tracker: Tracker, tasks: Sequence[int]) -> None:
        self._tracker = tracker
        self._tasks = tasks
        self._left = len(tasks)
        self._queue = array.array("Q")
        self._next = 0
        self._wanted = bytearray(tracker.tasks)
        for task in tasks:
            self._wanted[task] = 1

    def add(self, task: int) -> None:
        """The task has ended. Called by the tracker, under its lock."""
        self._queue.append(task)

    def until(self, deadline: float) -> Iterator[int]:
        """Yields each task once. Raises TimeoutError at the deadline."""
        self._tracker.subscribe(self)
        self._tracker.follow_all()
        for task in self._tasks:
            if self._tracker.state(task) and self._take(task):
                yield task
        while self._left:
            if not self._tracker.wait(lambda: self._next < len(self._queue), deadline):
                raise concurrent.futures.TimeoutError(f"{self._left} tasks of job {self._tracker.job} have not ended")
            task = self._queue[self._next]
            self._next += 1
            if self._next == 1 << 16:
                with self._tracker.listener.changed:
                    del self._queue[: self._next]
                self._next = 0
            if self._take(task):
                yield task

    def _take(self, task: int) -> bool:
        if not self._wanted[task]:
            return False
        self._wanted[task] = 0
        self._left -= 1
        return True
