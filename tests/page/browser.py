# SPDX-License-Identifier: MIT
"""A headless Chromium, driven by chromedriver's HTTP interface (W3C WebDriver)."""

import base64
import http.client
import json
import re
import shutil
import signal
import subprocess
import tempfile
import time

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Space": " ",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Shift": "\ue008",
}


class BrowserError(Exception):
    """What the browser refused to do."""


class Browser:
    """One browser with a profile of its own; ended by end()."""

    def __init__(self, width=1400, height=900):
        self.profile = tempfile.mkdtemp(prefix="moqstat-page-")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that its browsers can be ended with it
        )
        self.session = None
        try:
            self._begin(width, height)
        except BaseException:
            self.end()
            raise

    def _begin(self, width, height):
        port = None
        for line in self.driver.stdout:
            found = re.search(rb"started successfully on port (\d+)", line)
            if found:
                port = int(found.group(1))
                break
        if not port:
            raise BrowserError("chromedriver did not start")
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        options = {
            "args": [*FLAGS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}"],
        }
        answer = self._ask(
            "POST",
            "/session",
            {
                "capabilities": {
                    "alwaysMatch": {
                        "goog:chromeOptions": options,
                        "goog:loggingPrefs": {"browser": "ALL"},
                    }
                }
            },
        )
        self.session = answer["sessionId"]

    def _ask(self, method, path, body=None):
        text = json.dumps(body) if body is not None else None
        self.http.request(method, path, text, {"Content-Type": "application/json"})
        answer = self.http.getresponse()
        value = json.loads(answer.read())["value"]
        if answer.status != 200:
            raise BrowserError(f"{path}: {value.get('error')}: {value.get('message')}"[:600])
        return value

    def ask(self, path, body=None, method="POST"):
        return self._ask(method, f"/session/{self.session}{path}", body if body is not None else {})

    def open(self, url):
        self.ask("/url", {"url": url})

    def run(self, script, *args):
        """Run a script's text as a function's body; what it returns."""
        return self.ask("/execute/sync", {"script": script, "args": list(args)})

    def cdp(self, command, **params):
        return self.ask("/goog/cdp/execute", {"cmd": command, "params": params})

    def find(self, css):
        return self.ask("/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        """A click of the mouse where the element is."""
        self.ask(f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self.ask(f"/element/{self.find(css)}/value", {"text": text})

    def text(self, css):
        return self.run("return document.querySelector(arguments[0])?.textContent", css)

    def press(self, *names):
        """Keys, one after another, wherever the focus is; "Shift+Tab" for two at once."""
        actions = []
        for name in names:
            keys = [KEYS.get(key, key) for key in name.split("+")]
            actions += [{"type": "keyDown", "value": key} for key in keys]
            actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.ask("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def choose(self, css, value):
        """An option of a choice, as a person does it."""
        self.click(f'{css} option[value="{value}"]')

    def screen(self, width, height):
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scheme(self, scheme):
        """Light or dark."""
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def shot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("/screenshot", method="GET")))

    def complaints(self):
        """What the page's console has told since the last time: errors and broken policies."""
        return [
            entry["message"]
            for entry in self.ask("/se/log", {"type": "browser"})
            if entry["level"] in ("SEVERE", "WARNING")
        ]

    def end(self):
        try:
            if self.session:
                self.ask("", method="DELETE")
        except (OSError, http.client.HTTPException, BrowserError):
            pass
        self.driver.send_signal(signal.SIGTERM)
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self.driver.stdout.close()
        for _ in range(20):  # the browser lets go of its files a moment later
            shutil.rmtree(self.profile, ignore_errors=True)
            try:
                with open(self.profile, "rb"):
                    pass
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.1)
