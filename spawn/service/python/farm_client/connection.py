"""Finds the server, and speaks HTTP with it: on its Unix socket, or on a port with its token."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from .errors import BadRequest, FarmError, NoServer, ServerError

API = "/api/v1"
Body = Union[bytes, bytearray, None]
_MOST_IDLE = 4  # connections that are kept for the next request
_LONGEST_SOCKET = 107  # bytes of a path that the kernel takes


class Reply(NamedTuple):
    """What the server has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Returns the body, which is JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise FarmError(f"the server has answered with what is not JSON: {_shown(self.body)}") from None


def state_directory(directory: Union[str, "os.PathLike[str]", None] = None) -> Path:
    """Returns the state directory as the command line finds it: what is given, else FARM_DIR, else
    $XDG_STATE_HOME/farm, else ~/.local/state/farm."""
    found = directory or os.environ.get("FARM_DIR")
    if not found:
        state = os.environ.get("XDG_STATE_HOME", "")  # a relative path is to be ignored, says the standard
        found = Path(state if os.path.isabs(state) else Path.home() / ".local" / "state") / "farm"
    return Path(os.path.abspath(found))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        if len(os.fsencode(self._path)) <= _LONGEST_SOCKET:
            self.sock.connect(os.fspath(self._path))
            return
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


class Connection:
    """Sends requests, from any thread. Looks for the server anew whenever a connection is opened, since another server
    may have come in place of the first."""

    def __init__(
        self,
        directory: Union[str, "os.PathLike[str]", None],
        server: Optional[str],
        token: Optional[str],
        timeout: float,
    ) -> None:
        self.directory = state_directory(directory)
        self.timeout = timeout
        self._server = server or (os.environ.get("FARM_SERVER") if directory is None else None) or None
        self._token = token or os.environ.get("FARM_TOKEN") or None
        self._idle: List[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._keeps = True

    def __str__(self) -> str:
        return f"the server at {self._server}" if self._server else f"the server of {self.directory}"

    def request(
        self,
        method: str,
        target: str,
        body: Body = None,
        *,
        content: str = "application/json",
        limit: Optional[float] = None,
    ) -> Reply:
        """Sends a request and returns the answer. Raises BadRequest or ServerError if its status is 400 or more, and
        NoServer if there is none within `limit` seconds."""
        seconds = self.timeout if limit is None else limit
        while True:
            connection = self._kept()
            is_kept = connection is not None
            if connection is None:
                connection = self._open(seconds)
            elif connection.sock is not None:
                connection.sock.settimeout(seconds)
            response: Optional[http.client.HTTPResponse] = None
            try:
                response = self._send(connection, method, target, body, {"Content-Type": content})
                reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if is_kept and response is None and not isinstance(error, socket.timeout):
                    continue  # the server has closed it meanwhile
                raise NoServer(self._lost(error, seconds)) from None
            except BaseException:
                connection.close()  # half of an answer is in it
                raise
            self._keep(connection, response)
            return _checked(reply)

    def get(self, target: str, *, limit: Optional[float] = None) -> Any:
        """Returns the JSON that is at this path below /api/v1."""
        return self.request("GET", API + target, limit=limit).json()

    def get_page(self, target: str, size: int) -> Tuple[bytes, int]:
        """Returns the body of a page of so many things; of fewer, if the answer would be too large. `target` ends where
        the size is to stand. Returns the size, too."""
        while True:
            try:
                return self.request("GET", f"{API}{target}{size}").body, size
            except BadRequest as error:
                if error.status != 413 or size == 1:
                    raise
                size = max(1, size // 8)

    def post(self, target: str, body: Optional[Mapping[str, Any]] = None) -> Any:
        """Posts JSON to this path below /api/v1, and returns the answer."""
        return self.request("POST", API + target, None if body is None else json.dumps(body).encode()).json()

    def stream(
        self, target: str, headers: Dict[str, str], silence: float
    ) -> Tuple[socket.socket, http.client.HTTPResponse]:
        """Opens a response that does not end, on a connection of its own, and returns its socket with it. Reading it
        raises OSError after `silence` seconds without a byte."""
        connection = self._open(silence)
        try:
            sock = connection.sock
            response = self._send(connection, "GET", API + target, None, headers)
            if response.status >= 400:
                _checked(Reply(response.status, {}, response.read()))
            assert sock is not None
            return sock, response
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoServer(self._lost(error, silence)) from None
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Closes the connections that are kept, and keeps none from now on."""
        with self._lock:
            self._keeps = False
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _kept(self) -> Optional[http.client.HTTPConnection]:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _keep(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        with self._lock:
            if self._keeps and not response.will_close and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _send(
        self, connection: http.client.HTTPConnection, method: str, target: str, body: Body, headers: Dict[str, str]
    ) -> http.client.HTTPResponse:
        if not isinstance(connection, _UnixConnection):
            headers = {**headers, "Authorization": f"Bearer {self._token_text()}"}
        try:
            connection.request(method, target, body, headers)
        except (BrokenPipeError, ConnectionResetError):  # refused before all of the body has been read
            try:
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                pass
            raise
        return connection.getresponse()

    def _open(self, seconds: float) -> http.client.HTTPConnection:
        connections: List[http.client.HTTPConnection] = []
        if self._server is None:
            connections.append(_UnixConnection(self.directory / "server.sock"))
        connections += [http.client.HTTPConnection(*_split(address)) for address in self._ports()]
        failure: Optional[OSError] = None
        for connection in connections:
            connection.timeout = seconds
            try:
                connection.connect()
                return connection
            except OSError as error:
                connection.close()
                failure = failure or error
        raise NoServer(self._absent(failure))

    def _ports(self) -> List[str]:
        """Returns the addresses of the server's ports, if its Unix socket is that of another host."""
        if self._server is not None:
            return [self._server]
        try:
            known = json.loads((self.directory / "server.json").read_text())
            if known["host"] == socket.gethostname():
                return []
            return [str(address) for address in known["addresses"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _token_text(self) -> str:
        if self._token is not None:
            return self._token
        path = self.directory / "token"
        try:
            return path.read_text().strip()
        except OSError as error:
            why = f"{path} cannot be read ({error.strerror})"
            raise FarmError(
                f"a port wants the token of its server, but {why}: give token=, or set FARM_TOKEN"
            ) from None

    def _absent(self, error: Optional[OSError]) -> str:
        if self._server is not None:
            return f"no server answers at {self._server}: {_text(error)}"
        if isinstance(error, PermissionError):
            return f"{self.directory} belongs to another user, and so does its server"
        return f"no server runs in {self.directory}: start one by 'farm serve --dir {self.directory}'"

    def _lost(self, error: Exception, seconds: float) -> str:
        if isinstance(error, socket.timeout):
            return f"{self} has not answered within {seconds:g} s"
        return f"the connection to {self} is broken: {_text(error)}"


def _split(address: str) -> Tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"'{address}' is not HOST:PORT")
    return host.strip("[]") or "localhost", int(port)


def _text(error: Optional[Exception]) -> str:
    text = (getattr(error, "strerror", None) or str(error)) if error is not None else ""
    return text or type(error).__name__


def _shown(body: bytes) -> str:
    return body[:200].decode(errors="replace").replace("\n", " ") or "nothing"


def _checked(reply: Reply) -> Reply:
    if reply.status < 400:
        return reply
    text, nearest = f"{_shown(reply.body)} (status {reply.status})", None
    try:
        answer = json.loads(reply.body)
        text, nearest = str(answer["error"]), answer.get("nearest")
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    if reply.status >= 500:
        raise ServerError(text, reply.status)
    raise BadRequest(text, reply.status, nearest)
