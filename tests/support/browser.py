"""A real browser for tests: Chromium without a window, driven over a pipe by its own protocol.

No driver, port or package is needed: messages of the DevTools protocol go through two file
descriptors, each message JSON with a zero byte behind it.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
MISSING = None if PROGRAM and sys.platform != "win32" else "needs Chromium on the search path"

# Chromium reads from descriptor 3 and writes to 4.
_START = """
import os, sys
ends = [os.dup(int(x)) for x in sys.argv[1:3]]
for place, end in zip((3, 4), ends):
    os.dup2(end, place)
    os.set_inheritable(place, True)
os.execv(sys.argv[3], sys.argv[3:])
"""
# The key codes of those that are no letters
_KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, "Enter": 13, "Tab": 9, " ": 32}


class Browser:
    """A running Chromium with one page.

    Attributes:
        complaints: errors that the page has raised or written to the console.
        requests: addresses that the page has asked for.
    """

    def __init__(self, folder: Path, patience: float = 30.0) -> None:
        self.patience = patience
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._buffer = b""
        self._count = 0
        read_by_it, self._write = os.pipe()
        self._read, written_by_it = os.pipe()
        command = [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(read_by_it), str(written_by_it), *command],
            pass_fds=(read_by_it, written_by_it),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_by_it)
        os.close(written_by_it)
        self._session = None
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._write)  # with the pipe, Chromium ends
        self._process.wait(self.patience)
        os.close(self._read)

    def call(self, method, **params):
        """Call a method of the protocol, and return its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self):
        """Return the next message, and note what it says about the page."""
        limit = time.monotonic() + self.patience
        with selectors.DefaultSelector() as selector:
            selector.register(self._read, selectors.EVENT_READ)
            while b"\0" not in self._buffer:
                assert selector.select(limit - time.monotonic()), "Chromium does not answer"
                part = os.read(self._read, 1 << 20)
                assert part, "Chromium has ended"
                self._buffer += part
        text, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(text)
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(json.dumps(params["entry"]))
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {params['message']}")
            message["method"] = None
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        return message

    def open(self, path, *, width=1200, height=900, scheme="light", motion="no-preference"):
        """Show a file, or an address, and return when it has loaded."""
        self.complaints.clear()
        self.requests.clear()
        self.resize(width, height)
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        media = [{"name": name, "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=media)
        url = path if "://" in str(path) else Path(path).absolute().as_uri()
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def resize(self, width, height):
        """Set the size of the window; a narrow one is that of a phone."""
        look = {"deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, **look)

    def run(self, script):
        """Evaluate JavaScript in the page, and return its value."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition):
        """Wait until a condition in JavaScript holds."""
        limit = time.monotonic() + self.patience
        while not self.run(condition):
            assert time.monotonic() < limit, f"never came true: {condition}"
            time.sleep(0.02)

    def press(self, key):
        """Press and release a key."""
        look = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        text = {"text": "\r" if key == "Enter" else key} if key in ("Enter", " ") else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **look, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **look)

    def click(self, selector):
        """Click with the mouse in the middle of an element, after scrolling to it."""
        quoted = json.dumps(selector)
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({quoted});"
            "e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
