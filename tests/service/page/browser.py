"""Drives a headless Chromium by its DevTools protocol. Needs Debian's chromium and python3-websocket."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import websocket

KEYS = {
    "Tab": (9, "Tab", ""), "Enter": (13, "Enter", "\r"), "Escape": (27, "Escape", ""), " ": (32, "Space", " "),
    "ArrowDown": (40, "ArrowDown", ""), "ArrowUp": (38, "ArrowUp", ""), "Home": (36, "Home", ""), "End": (35, "End", ""),
}


def until(condition, what, seconds=30):
    """Returns the first true value of the condition; fails if there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {seconds} s it did not happen: {what}")
        time.sleep(0.05)


class Browser:
    """One page. What it has asked for, and what it has complained about, is in `requests` and `complaints`."""

    def __init__(self, width=1280, height=800, arguments=()):
        self.directory = tempfile.mkdtemp()
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--remote-debugging-port=0", "--remote-allow-origins=*",
             f"--user-data-dir={self.directory}", *arguments, "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        port_file = os.path.join(self.directory, "DevToolsActivePort")

        def port():
            if self.process.poll() is not None:
                raise AssertionError(f"chromium has ended with status {self.process.returncode}")
            return os.path.exists(port_file) and open(port_file, encoding="ascii").read().split()

        address = f"http://127.0.0.1:{until(port, 'Chromium tells its port', 120)[0]}/json"
        page = until(lambda: next((each for each in json.load(urllib.request.urlopen(address)) if each["type"] == "page"), None),
                     "Chromium has a page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=60)
        self.number = 0
        self.requests = []
        self.complaints = []
        for domain in ("Page", "Runtime", "Network", "Log", "Performance"):
            self.command(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.command("Browser.close")
            self.socket.close()
        except Exception:  # it has ended already
            pass
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def command(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.take(message)

    def take(self, message):
        kind, parameters = message.get("method"), message.get("params", {})
        if kind == "Network.requestWillBeSent":
            self.requests.append((parameters["request"]["method"], parameters["request"]["url"]))
        elif kind == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"])[:500])
        elif kind == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(parameters["args"])[:500])
        elif kind == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            entry = parameters["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    def resize(self, width, height=800):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def dark(self, is_dark):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address):
        self.command("Page.navigate", url=address)
        until(lambda: self.evaluate("document.readyState === 'complete' && location.href !== 'about:blank'"), "the page is loaded")

    def evaluate(self, expression):
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {json.dumps(result['exceptionDetails'])[:600]}")
        return result["result"].get("value")

    def wait(self, expression, seconds=30):
        """Waits until the expression is true in the page. Returns its value."""
        def value():
            try:
                return self.evaluate(expression)
            except RuntimeError:
                return None  # the page is being loaded
        return until(value, expression, seconds)

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? null")

    def click(self, selector):
        """Clicks with the mouse in the middle of what the selector names, as a user does who sees it."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'nearest'}})")
        box = self.evaluate(
            f"(() => {{ const node = document.querySelector({json.dumps(selector)}); const b = node.getClientRects()[0] ?? node.getBoundingClientRect();"
            "const x = b.x + Math.min(b.width / 2, 40), y = b.y + b.height / 2; const top = document.elementFromPoint(x, y);"
            "return {x, y, seen: node.contains(top) || top?.contains(node)}; })()")
        if not box["seen"]:
            raise AssertionError(f"{selector} is covered by something else")
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=box["x"], y=box["y"], button="left", clickCount=1)

    def point(self, x, y):
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key, shift=False):
        code, name, text = KEYS[key]
        modifiers = 8 if shift else 0
        self.command("Input.dispatchKeyEvent", type="keyDown", key=key, code=name, windowsVirtualKeyCode=code, modifiers=modifiers,
                     **({"text": text} if text else {}))
        self.command("Input.dispatchKeyEvent", type="keyUp", key=key, code=name, windowsVirtualKeyCode=code, modifiers=modifiers)

    def screenshot(self, clip=None):
        """Returns a PNG; `clip` is (x, y, width, height)."""
        parameters = {}
        if clip:
            parameters["clip"] = dict(zip(("x", "y", "width", "height"), clip), scale=1)
        return base64.b64decode(self.command("Page.captureScreenshot", **parameters)["data"])

    def metrics(self):
        return {each["name"]: each["value"] for each in self.command("Performance.getMetrics")["metrics"]}
