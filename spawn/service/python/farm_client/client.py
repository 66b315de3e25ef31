"""The client: finds the server, and submits jobs."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import secrets
import time
import weakref
from functools import partial
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Union

from .arrays import ArrayFile
from .connection import API, Connection
from .errors import BadRequest, ServerError
from .events import Event, Listener, Waiting, read_events
from .futures import FOREVER, deadline_of
from .job import Job
from .values import Decode, Encoder, decoder_of, guess

Seconds = Union[float, datetime.timedelta]
Path = Union[str, "os.PathLike[str]"]

_KNOWN_FIELDS = {"job", "task", "attempt", "ranks", "host"}  # of a command, which the server fills in
_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}


class Client:
    """Speaks to the server of a state directory, or at an address. Raises NoServer if there is none.

    `directory`: where the server keeps its state. Without it: FARM_DIR, else $XDG_STATE_HOME/farm, else
        ~/.local/state/farm, as for the command line.
    `server`, `token`: HOST:PORT of a server that listens there, and the text of its token. Without them FARM_SERVER
        (unless there is a `directory`), and FARM_TOKEN, else the token of the state directory.
    `timeout`: how many seconds an answer may take.
    `arrays`: a directory for arrays that are inputs, which all ranks must see. Without it the state directory is used,
        where forget() removes them with the job.

    Thread-safe. Use it by `with`, or close() it: futures that are not done then fail. Jobs go on."""

    def __init__(
        self,
        directory: Optional[Path] = None,
        server: Optional[str] = None,
        token: Optional[str] = None,
        timeout: float = 30,
        arrays: Optional[Path] = None,
    ) -> None:
        self._connection = Connection(directory, server, token, timeout)
        self._listener = Listener(self._connection)
        self._arrays = arrays
        self._result_types: Dict[str, Optional[Decode]] = {}
        self._finalizer = weakref.finalize(self, _close, self._listener, self._connection)
        self._finalizer.atexit = False
        self.server()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the thread and the connections. Futures that are not done fail with FarmError."""
        self._finalizer()

    def submit(
        self,
        function: str,
        inputs: Iterable[Any],
        *,
        ranks_per_task: int = 0,
        threads: int = 0,
        gpus: Optional[int] = None,
        memory: Union[int, str, None] = None,
        resources: Optional[Mapping[str, int]] = None,
        timeout: Optional[Seconds] = None,
        retries: int = 0,
        max_losses: int = 0,
        cache: bool = False,
        environment: Optional[Mapping[str, str]] = None,
        directory: Optional[Path] = None,
        name: Optional[str] = None,
        priority: int = 0,
        hold: bool = False,
        max_fails: int = 0,
        after: Union[Job, int, Iterable[Union[Job, int]], None] = None,
    ) -> Job:
        """Submits a task of this function for each input, and returns the job once it is on the server's disk.

        An input is the argument, a tuple of all arguments, or a dict with their names. It holds what JSON can say, also
        NaN and infinities, numbers of NumPy, and dataclasses. NumPy arrays go through a file in HDF5; so do an h5py
        Dataset and the ArrayHandle of an earlier result, which stay where they are.

        `ranks_per_task`: 0 is the server's default; `threads`, `gpus`, `memory` (bytes, or "2GiB"): of each rank;
        `resources`: named ones, of the task; `timeout`: seconds that a task may take; `retries`: how often it runs
        again after it threw; `max_losses`: how many deaths it may cause; `cache`: takes the result of the same call, if
        there is one; `max_fails`: after so many failed tasks no other starts; `after`: jobs that must finish first."""
        return self._submit({"function": function}, inputs, locals())

    def program(
        self,
        command: Sequence[Union[str, "os.PathLike[str]"]],
        inputs: Iterable[Any] = (None,),
        *,
        columns: Optional[Sequence[str]] = None,
        task_directory: Optional[str] = None,
        stdin_file: Optional[str] = None,
        stdout_file: Optional[str] = None,
        stderr_file: Optional[str] = None,
        mpi: bool = True,
        ranks_per_task: int = 0,
        threads: int = 0,
        gpus: Optional[int] = None,
        memory: Union[int, str, None] = None,
        resources: Optional[Mapping[str, int]] = None,
        timeout: Optional[Seconds] = None,
        retries: int = 0,
        max_losses: int = 0,
        cache: bool = False,
        environment: Optional[Mapping[str, str]] = None,
        directory: Optional[Path] = None,
        name: Optional[str] = None,
        priority: int = 0,
        hold: bool = False,
        max_fails: int = 0,
        after: Union[Job, int, Iterable[Union[Job, int]], None] = None,
    ) -> Job:
        """Submits a run of a program for each input. `{alpha}` in the command, in `task_directory` and in the names of
        files is the column alpha of the input: a dict has the names of its columns; for tuples and values `columns` has
        them, or they are the fields of the command in their order. {job}, {task}, {attempt}, {ranks} and {host} are
        known too. `directory` is where the program runs: the current directory, unless it is given. With `mpi`, a
        launcher starts the program if there are several ranks per task. All else is as in submit()."""
        words = [os.fspath(word) for word in command]
        inputs = list(inputs)
        names = list(columns) if columns is not None else _columns(words, inputs)
        if not names:
            inputs = [None if each in ({}, ()) else each for each in inputs]
        options = {**locals(), "directory": directory or os.getcwd()}
        return self._submit({"command": words, "columns": names}, inputs, options)

    def map(
        self, function: str, inputs: Iterable[Any], *, wait: Optional[float] = None, **options: Any
    ) -> Iterator[Any]:
        """Submits as submit() does, at once, and returns an iterator of the results in the order of the inputs. It
        raises what a task raised, and concurrent.futures.TimeoutError after `wait` seconds; then the other tasks are
        cancelled, and so they are if the iterator is closed early."""
        job = self.submit(function, inputs, **options)
        return _results(job, deadline_of(wait))

    def job(self, number: int) -> Job:
        """Returns an earlier job. Raises BadRequest if there is none of this number."""
        return self._job_of(self._connection.get(f"/jobs/{int(number)}"))

    def jobs(self, state: Optional[str] = None) -> List[Job]:
        """Returns all jobs that were not forgotten, or those in this state, the oldest first."""
        which = "" if state is None else f"state={state}&"
        jobs: List[Job] = []
        place: Optional[int] = 0
        while place is not None:
            page = self._connection.get(f"/jobs?{which}from={place}&limit=500")
            jobs += [self._job_of(each) for each in page["jobs"]]
            place = page["next"]
        return jobs

    def server(self) -> Dict[str, Any]:
        """Returns what the server says of itself: version, slots, where its ranks come from, its state."""
        found: Dict[str, Any] = self._connection.get("/server")
        return found

    def functions(self) -> List[Dict[str, Any]]:
        """Returns the functions that tasks can call: name, signature, arguments and result."""
        found: List[Dict[str, Any]] = self._connection.get("/functions")["functions"]
        return found

    def groups(self) -> List[Dict[str, Any]]:
        """Returns the groups of ranks, and what runs on them."""
        found: List[Dict[str, Any]] = self._connection.get("/groups")["groups"]
        return found

    def stop(self, mode: str = "drain") -> None:
        """Ends the server: "drain" lets tasks that run end, "now" ends them; they run again later."""
        self._connection.post("/server/stop", {"mode": mode})

    def events(self, job: Union[Job, int, None] = None) -> Iterator[Event]:
        """Yields what happens at the server, or to a job, for ever. After a restart of the server the next event is
        "reset": then events are missing, so ask anew for all that you follow."""
        which = "" if job is None else f"?job={_number(job)}"
        last = ""
        waiting = Waiting(self._connection)
        while not self._listener.is_closed:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
            try:
                sock, response = self._connection.stream(f"/events{which}", headers, 60)
            except ConnectionError:
                time.sleep(waiting.next())
                continue
            waiting.over()
            try:
                with response:
                    for event in read_events(response):
                        last = event.id or last
                        if event.name:
                            yield event
            except OSError:
                pass
            finally:
                sock.close()

    def _submit(self, what: Dict[str, Any], inputs: Iterable[Any], options: Mapping[str, Any]) -> Job:
        key = secrets.token_hex(16)
        arrays = ArrayFile(pathlib.Path(self._arrays or self._connection.directory / "arrays") / f"{key}.h5")
        try:
            encoder = Encoder(arrays.put, stable=isinstance(inputs, (list, tuple)))
            lines = [encoder.encode(each) for each in inputs]
            if not lines:
                raise ValueError("a job needs at least one input")
            arrays.publish()
            head = {"spec": {**_job_options(options), "key": key, "kinds": [{**what, **_task_options(options)}]}}
            lines.insert(0, json.dumps({**head, "tasks": len(lines)}))
            body = ("\n".join(lines) + "\n").encode()
        except BaseException:
            arrays.discard()
            raise
        try:
            deadline = time.monotonic() + self._connection.timeout
            answer: Any = self._listener.patiently(partial(self._post, body), deadline)
        except (BadRequest, ServerError):
            arrays.discard()  # it is refused; without an answer the server may have taken it
            raise
        return Job(self, int(answer["job"]), int(answer["tasks"]), self._decoder(what.get("function")), is_fresh=True)

    def _post(self, body: bytes) -> Any:
        return self._connection.request("POST", API + "/jobs", body, content="application/x-ndjson").json()

    def _job_of(self, info: Mapping[str, Any]) -> Job:
        return Job(self, int(info["job"]), int(info["tasks"]), self._decoder(info.get("function")))

    def _decoder(self, function: Optional[str]) -> Decode:
        """Returns what makes Python's values of this function's results. Asks the server when there is the first."""

        def decode(value: Any) -> Any:
            if function is None:
                return guess(value)
            if function not in self._result_types:
                self._result_types[function] = guess
                self._result_types.update((each["name"], decoder_of(each["result"])) for each in self.functions())
            found = self._result_types[function]
            return found(value) if found else value

        return decode


def _close(listener: Listener, connection: Connection) -> None:
    listener.close()
    connection.close()


def _results(job: Job, deadline: float) -> Iterator[Any]:
    try:
        for future in job.futures:
            left = None if deadline == FOREVER else max(0.0, deadline - time.monotonic())
            yield future.result(left)
    except BaseException:
        job.cancel()
        raise


def _columns(words: Sequence[str], inputs: Sequence[Any]) -> List[str]:
    if inputs and all(isinstance(each, Mapping) for each in inputs):
        return list(inputs[0])
    fields = re.findall(r"(?<!\{)\{(\w+)\}", " ".join(words))
    return [field for field in dict.fromkeys(fields) if field not in _KNOWN_FIELDS]


def _job_options(options: Mapping[str, Any]) -> Dict[str, Any]:
    after = options["after"]
    if isinstance(after, (Job, int)):
        after = [after]
    found = {name: options[name] for name in ("name", "priority", "hold", "max_fails") if options[name]}
    return {**found, "after": [_number(job) for job in after]} if after else found


def _task_options(options: Mapping[str, Any]) -> Dict[str, Any]:
    names = ("threads", "retries", "max_losses", "cache", "task_directory", "stdin_file", "stdout_file", "stderr_file")
    found = {name: options[name] for name in names if options.get(name)}
    if options["ranks_per_task"]:
        found["ranks"] = options["ranks_per_task"]
    if options["gpus"] is not None:
        found["gpus"] = options["gpus"]
    if options["memory"] is not None:
        found["memory"] = _bytes(options["memory"])
    if options["timeout"] is not None:
        found["timeout"] = _seconds(options["timeout"])
    if not options.get("mpi", True):
        found["mpi"] = False
    for name in ("resources", "environment"):
        if options[name]:
            found[name] = dict(options[name])
    if options["directory"]:
        found["directory"] = os.path.abspath(options["directory"])
    return found


def _seconds(time_limit: Seconds) -> float:
    return time_limit.total_seconds() if isinstance(time_limit, datetime.timedelta) else float(time_limit)


def _bytes(memory: Union[int, str]) -> int:
    if not isinstance(memory, str):
        return int(memory)
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kmgt]?i?)b?\s*", memory, re.IGNORECASE)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(f"'{memory}' is no size of memory: give bytes, or for example '2GiB'")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _number(job: Union[Job, int]) -> int:
    return job.number if isinstance(job, Job) else int(job)
