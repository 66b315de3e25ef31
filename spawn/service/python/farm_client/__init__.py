"""Submits work to a farm server, and takes its results.

    import farm_client

    with farm_client.Client() as client:
        job = client.submit("calc", [1, 2, 3], ranks_per_task=2)
        for future in farm_client.as_completed(job):
            print(future.task, future.result())

The server is `farm serve`. It keeps jobs and results on disk: a program may end, and another one finds them by
client.job(number). A server that is restarted meanwhile is waited for."""

from .arrays import ArrayHandle
from .client import Client
from .errors import BadRequest, FarmError, NoServer, ServerError, TaskCancelled, TaskFailed
from .events import Event
from .futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    DoneAndNotDone,
    Future,
    FutureList,
    as_completed,
    wait,
)
from .job import Job, Progress, Record

__all__ = [
    "ALL_COMPLETED",
    "ArrayHandle",
    "BadRequest",
    "Client",
    "DoneAndNotDone",
    "Event",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "FarmError",
    "Future",
    "FutureList",
    "Job",
    "NoServer",
    "Progress",
    "Record",
    "ServerError",
    "TaskCancelled",
    "TaskFailed",
    "as_completed",
    "wait",
]
