"""What can go wrong. All exceptions of this package derive from FarmError, and are one line of text."""

from __future__ import annotations

import concurrent.futures
from typing import Any, Mapping, Optional


class FarmError(Exception):
    """The base of all exceptions of this package."""


class NoServer(FarmError, ConnectionError):
    """Nobody answers: no server runs, it has gone, or it does not answer in time."""


class BadRequest(FarmError, ValueError):
    """The server refuses the request. `nearest` is the right word for one that it does not know, or None."""

    def __init__(self, text: str, status: int = 400, nearest: Optional[str] = None) -> None:
        super().__init__(text, status, nearest)
        self.text, self.status, self.nearest = text, status, nearest

    def __str__(self) -> str:
        return self.text


class ServerError(FarmError):
    """The server cannot do what it was asked for: its disk is full, or it is ending. `status` is that of HTTP."""

    def __init__(self, text: str, status: int = 500) -> None:
        super().__init__(text, status)
        self.text, self.status = text, status

    def __str__(self) -> str:
        return self.text


class TaskFailed(FarmError):
    """A task has failed: `task` is its name, "5.2" for task 2 of job 5; `type` and `text` say what it has thrown, on
    which rank and host, if that is known."""

    def __init__(
        self, type: str, text: str, rank: Optional[int] = None, host: Optional[str] = None, task: str = ""
    ) -> None:
        super().__init__(type, text, rank, host, task)
        self.type, self.text, self.rank, self.host, self.task = type, text, rank, host, task

    def __str__(self) -> str:
        where = f"task {self.task}"
        if self.rank is not None:
            where += f", rank {self.rank}"
        if self.host:
            where += f" on {self.host}"
        return f"{where}: {self.type}: {self.text}" if self.type else f"{where}: {self.text}"


class TaskCancelled(FarmError, concurrent.futures.CancelledError):
    """A task was cancelled: by a user, by max_fails, or because another that it needs has not finished."""

    def __init__(self, text: str, task: str = "") -> None:
        super().__init__(text, task)
        self.text, self.task = text, task

    def __str__(self) -> str:
        return f"task {self.task}: {self.text}"


def error_of(task: Mapping[str, Any]) -> Optional[FarmError]:
    """Returns the error of a task that has ended, as the server describes it; None if it has finished."""
    if task["state"] == "finished":
        return None
    name = f"{task['job']}.{task['task']}"
    error: Mapping[str, Any] = task.get("error") or {}
    text = str(error.get("text") or "")
    if task["state"] == "cancelled":
        return TaskCancelled(text or "cancelled", name)
    return TaskFailed(str(error.get("type") or ""), text or "failed", error.get("rank"), error.get("host"), name)
