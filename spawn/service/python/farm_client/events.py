"""The server's stream of events, and the thread that listens to it for all futures of a client."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, NamedTuple, Optional, Set, TypeVar

from .connection import Connection
from .errors import FarmError, NoServer, ServerError

if TYPE_CHECKING:
    from .futures import Future
    from .tracker import Tracker

T = TypeVar("T")

_SILENCE = 60.0  # seconds without a byte, after which a stream is opened anew
_PATIENCE = 2.0  # seconds without a server, after which that is told
_log = logging.getLogger("farm_client")


class Event(NamedTuple):
    """What the server tells. `name` is "job", "tasks", "groups", "server", or "reset": events are missing before it. The
    first one of a new stream has only an `id`: nothing is missed from then on."""

    id: str
    name: str
    data: Any


def read_events(response: http.client.HTTPResponse) -> Iterator[Event]:
    """Yields the events of a stream (text/event-stream) until it ends. Raises OSError if it breaks."""
    fields: Dict[str, str] = {}
    while True:
        line = response.readline()
        if not line.endswith(b"\n"):
            return  # the end; half of an event is none
        text = line.decode(errors="replace").rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            value = value[1:] if value.startswith(" ") else value
            fields[name] = fields[name] + "\n" + value if name == "data" and name in fields else value
            continue
        if "id" in fields or "data" in fields:
            data = fields.get("data", "")
            yield Event(fields.get("id", ""), fields.get("event", ""), json.loads(data) if data else None)
        fields = {}


class Waiting:
    """The pauses of one who waits for a server: longer and longer ones. Tells once if it takes long."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._since: Optional[float] = None
        self._delay = 0.05
        self._is_told = False

    def next(self) -> float:
        """Returns how many seconds to wait until the next attempt."""
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > _PATIENCE and not self._is_told:
            self._is_told = True
            _log.warning("%s does not answer; waiting for it or the next one", self._connection)
        self._delay = min(1.5 * self._delay, 1.0)
        return self._delay

    def over(self) -> None:
        """An attempt has succeeded."""
        if self._is_told:
            _log.warning("%s answers again", self._connection)
        self.__init__(self._connection)  # type: ignore[misc]


class Listener:
    """Tells trackers which tasks have ended. Its thread starts with the first of them, and opens the stream again as
    often as it breaks: nothing is missed meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.changed = threading.Condition()  # guards this object and all trackers
        self.pinned: Set["Future"] = set()  # futures that are needed although nobody may hold them
        self.is_closed = False
        self._trackers: "weakref.WeakValueDictionary[int, Tracker]" = weakref.WeakValueDictionary()
        self._thread: Optional[threading.Thread] = None
        self._socket: Optional[socket.socket] = None
        self._is_connected = False
        self._owes_sync = True  # trackers may have missed an end

    def add(self, tracker: "Tracker") -> bool:
        """Tells this tracker from now on. Returns True if the caller must bring it up to date; else the thread will."""
        with self.changed:
            self.check_open()
            self._trackers[tracker.job] = tracker
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="farm_client", daemon=True)
                self._thread.start()
            if not self._is_connected:
                self._owes_sync = True
            return self._is_connected

    def owe_sync(self) -> None:
        """A tracker could not be brought up to date: there was no server. The thread does it."""
        with self.changed:
            self._owes_sync = True

    def check_open(self) -> None:
        """Raises FarmError if the client was closed."""
        if self.is_closed:
            raise FarmError("the client was closed")

    def patiently(self, call: Callable[[], T], deadline: float) -> T:
        """Returns what the call returns. While there is no server it is tried again, until the deadline."""
        waiting = Waiting(self.connection)
        while True:
            try:
                return call()
            except (NoServer, ServerError) as error:
                delay = waiting.next()
                if time.monotonic() + delay > deadline or (isinstance(error, ServerError) and error.status != 503):
                    raise
                with self.changed:
                    self.check_open()
                    self.changed.wait(delay)

    def close(self) -> None:
        """Ends the thread. Futures that are not done fail."""
        with self.changed:
            self.is_closed = True
            thread = self._thread
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the server was first
            self.changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2)  # it may be in a connect(), which nothing ends
        self._fail(FarmError("the client was closed"))

    def _run(self) -> None:
        waiting = Waiting(self.connection)
        last = ""
        while not self.is_closed:
            try:
                headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
                self._socket, response = self.connection.stream("/events", headers, _SILENCE)
                if self.is_closed:  # close() has not seen this socket
                    break
                waiting.over()
                is_new = not last
                if not is_new:
                    self._connected(is_new)
                for event in read_events(response):
                    if is_new:
                        is_new = False
                        self._connected(True)
                    self._take(event)
                    last = event.id or last
            except (FarmError, OSError, http.client.HTTPException):
                pass
            except Exception as error:  # else all would wait for ever
                with self.changed:
                    self._thread = None
                self._fail(FarmError(f"the thread that listens to {self.connection} has failed: {error!r}"))
                return
            with self.changed:
                self._is_connected = False
                if not self.is_closed:
                    self.changed.wait(waiting.next())

    def _connected(self, is_new: bool) -> None:
        """A stream is open. A new one does not tell what was before it."""
        with self.changed:
            self._is_connected = True
            owes, self._owes_sync = self._owes_sync or is_new, False
        if owes:
            self._sync()

    def _take(self, event: Event) -> None:
        if event.name == "reset":
            self._sync()
        elif event.name == "tasks":
            tracker = self._trackers.get(event.data["job"])
            if tracker is not None:
                tracker.record(event.data["ended"])

    def _sync(self) -> None:
        try:
            for tracker in list(self._trackers.values()):
                tracker.sync()
        except BaseException:
            self._owes_sync = True
            raise

    def _fail(self, error: FarmError) -> None:
        for tracker in list(self._trackers.values()):
            tracker.fail(error)
