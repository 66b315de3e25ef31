"""Futures of tasks, with the rules of concurrent.futures. Results stay at the server until they are asked for."""

from __future__ import annotations

import array
import concurrent.futures
import time
from typing import Any, Callable, Collection, Iterator, Mapping, NamedTuple, Optional, Sequence, Union, overload

from .arrays import can_read
from .errors import FarmError, TaskCancelled, error_of
from .tracker import ENDED, Ends, Tracker
from .values import with_arrays

ALL_COMPLETED = concurrent.futures.ALL_COMPLETED
FIRST_COMPLETED = concurrent.futures.FIRST_COMPLETED
FIRST_EXCEPTION = concurrent.futures.FIRST_EXCEPTION
FOREVER = float("inf")


def deadline_of(timeout: Optional[float]) -> float:
    """Returns when so many seconds are over, on the monotonic clock; FOREVER without a timeout."""
    return FOREVER if timeout is None else time.monotonic() + timeout


class _Somehow(FarmError):
    """Stands for the error of a task until the error is asked for."""


class Future(concurrent.futures.Future):  # type: ignore[type-arg]
    """The future of one task. concurrent.futures.wait, as_completed and asyncio.wrap_future take it too.

    A future is done when the server says that its task has ended. Its result is fetched by the first call of result()
    or exception(), and kept. While the server is away, these wait for it or its successor."""

    def __init__(self, tracker: Tracker, task: int) -> None:
        super().__init__()
        self._tracker = tracker
        self.task = task  #: the number of the task in its job
        self._is_loaded = False
        self._value: Any = None
        self._error: Optional[FarmError] = None

    @property
    def name(self) -> str:
        """The task as the command line names it: "5.2"."""
        return f"{self._tracker.job}.{self.task}"

    def result(self, timeout: Optional[float] = None) -> Any:
        """Waits for the task, and returns its result, with NumPy arrays for arrays if numpy and h5py are there. Raises
        TaskFailed or TaskCancelled as the task did, and concurrent.futures.TimeoutError after `timeout` seconds."""
        value = self.handle(timeout)
        return with_arrays(value) if can_read() else value

    def handle(self, timeout: Optional[float] = None) -> Any:
        """As result(), but arrays stay where they are: each is an ArrayHandle, which may be an input of a task."""
        self._load(timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """Waits for the task, and returns its error, or None. Raises TaskCancelled if it was cancelled."""
        self._load(timeout)
        if isinstance(self._error, TaskCancelled):
            raise self._error
        return self._error

    def running(self) -> bool:
        """Returns True if the task runs now. Asks the server."""
        return not self.done() and bool(self.info()["state"] == "running")

    def progress(self) -> Optional[float]:
        """Returns how far the task says it is, 0 to 1; None if it does not say. Asks the server."""
        if self.done():
            return 1.0 if self._tracker.state(self.task) == ENDED["finished"] else None
        progress = self.info().get("progress")
        return None if progress is None else float(progress)

    def info(self) -> Mapping[str, Any]:
        """Returns all that the server knows of the task, its attempts included."""
        found: Mapping[str, Any] = self._tracker.listener.connection.get(self._path())
        return found

    def explain(self) -> str:
        """Returns why the task does not run now, or an empty text."""
        return str(self._tracker.listener.connection.get(self._path() + "/explain")["why"] or "")

    def cancel(self) -> bool:
        """Cancels the task, also while it runs. Returns False if it has ended otherwise. A task that runs is stopped:
        its future is done once it has ended."""
        if self.done():
            return self.cancelled()
        path = f"/jobs/{self._tracker.job}/cancel"
        count = self._tracker.listener.connection.post(path, {"tasks": str(self.task)})["tasks"]
        state = self.info()["state"]
        if state in ENDED:
            self._tracker.record([(self.task, state)])
        return bool(count) or state == "cancelled"

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Calls `fn` with this future when it is done, on the client's thread; at once if it is done already."""
        with self._tracker.listener.changed:
            if not self.done():
                self._tracker.listener.pinned.add(self)
        super().add_done_callback(fn)

    def end(self, state: int) -> None:
        """The task has ended in this state. Called by its tracker."""
        try:
            if state == ENDED["finished"]:
                self.set_result(None)
            elif state == ENDED["failed"]:
                self.set_exception(_Somehow("the task has failed"))
            elif super().cancel():
                self.set_running_or_notify_cancel()
        except concurrent.futures.InvalidStateError:
            pass  # it had ended
        self._unpin()

    def fail(self, error: FarmError) -> None:
        """Nobody will tell how the task ends. Called by its tracker."""
        try:
            self.set_exception(error)
        except concurrent.futures.InvalidStateError:
            pass  # it has ended before
        self._unpin()

    def __repr__(self) -> str:
        state = self._tracker.state(self.task)
        words = [name for name, value in ENDED.items() if value == state]
        return f"<Future of task {self.name}{': ' + words[0] if words else ''}>"

    def _path(self) -> str:
        return f"/jobs/{self._tracker.job}/tasks/{self.task}"

    def _unpin(self) -> None:
        with self._tracker.listener.changed:
            self._tracker.listener.pinned.discard(self)

    def _load(self, timeout: Optional[float]) -> None:
        deadline = deadline_of(timeout)
        try:
            found = super().exception(timeout)  # waits
            if isinstance(found, FarmError) and not isinstance(found, _Somehow):
                self._error, self._is_loaded = found, True
        except concurrent.futures.CancelledError:
            pass
        listener = self._tracker.listener
        while not self._is_loaded:
            task = listener.patiently(lambda: self._tracker.load(self.task), deadline)
            if task is not None:
                self._error = error_of(task)
                self._value = self._tracker.decode(task["result"]) if self._error is None else None
                self._is_loaded = True
            elif time.monotonic() > deadline:
                raise concurrent.futures.TimeoutError(f"task {self.name} was retried, and has not ended again")
            else:
                with listener.changed:
                    listener.changed.wait(0.25)


class FutureList(Sequence[Future]):
    """The futures of a job, or of some of its tasks. Each is made when it is asked for, so a list for a million tasks
    is small. Slices are lists of this kind, too."""

    def __init__(self, tracker: Tracker, tasks: Optional[Sequence[int]] = None) -> None:
        self._tracker = tracker
        self._tasks: Sequence[int] = range(tracker.tasks) if tasks is None else tasks

    def __len__(self) -> int:
        return len(self._tasks)

    @overload
    def __getitem__(self, index: int) -> Future:
        ...

    @overload
    def __getitem__(self, index: slice) -> "FutureList":
        ...

    def __getitem__(self, index: Union[int, slice]) -> Union[Future, "FutureList"]:
        if isinstance(index, slice):
            return FutureList(self._tracker, self._tasks[index])
        return self._tracker.future(self._tasks[index])

    def __contains__(self, future: object) -> bool:
        return isinstance(future, Future) and future._tracker is self._tracker and future.task in self._tasks

    def __repr__(self) -> str:
        return f"<{len(self)} futures of job {self._tracker.job}>"

    def as_completed(self, timeout: Optional[float] = None) -> Iterator[Future]:
        """Yields each future as soon as its task has ended. See farm_client.as_completed."""
        for task in Ends(self._tracker, self._tasks).until(deadline_of(timeout)):
            yield self._tracker.future(task)

    def wait(self, timeout: Optional[float] = None, return_when: str = ALL_COMPLETED) -> "DoneAndNotDone":
        """Waits until they are done. See farm_client.wait."""
        ends = Ends(self._tracker, self._tasks)
        if self._tasks:
            try:
                for task in ends.until(deadline_of(timeout)):
                    state = self._tracker.state(task)
                    if return_when == FIRST_COMPLETED or (return_when == FIRST_EXCEPTION and state == ENDED["failed"]):
                        break
            except concurrent.futures.TimeoutError:
                pass
        done = array.array("Q", (task for task in self._tasks if self._tracker.state(task)))
        not_done = array.array("Q", (task for task in self._tasks if not self._tracker.state(task)))
        return DoneAndNotDone(FutureList(self._tracker, done), FutureList(self._tracker, not_done))


class DoneAndNotDone(NamedTuple):
    """What wait() returns."""

    done: Collection[Any]
    not_done: Collection[Any]


def as_completed(futures: Any, timeout: Optional[float] = None) -> Iterator[Any]:
    """Yields each future as soon as its task has ended: those of a job, of job.futures, or of any list. For a job of a
    million tasks no more futures are made than are in use. Raises concurrent.futures.TimeoutError after `timeout`
    seconds."""
    found = getattr(futures, "futures", futures)
    if isinstance(found, FutureList):
        return found.as_completed(timeout)
    return concurrent.futures.as_completed(found, timeout)


def wait(futures: Any, timeout: Optional[float] = None, return_when: str = ALL_COMPLETED) -> DoneAndNotDone:
    """Waits until all futures, or the first, or the first that fails, are done: those of a job, of job.futures, or of
    any list. Returns those that are done and the others: as lists of futures that are made when they are asked for, or
    as sets if `futures` was a list of futures."""
    found = getattr(futures, "futures", futures)
    if isinstance(found, FutureList):
        return found.wait(timeout, return_when)
    done = concurrent.futures.wait(found, timeout, return_when)
    return DoneAndNotDone(done.done, done.not_done)
