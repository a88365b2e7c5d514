# SPDX-License-Identifier: MIT
"""Alert rules and the dashboard: what promtool says of them, and a real Prometheus that scrapes a real server."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from checks import check, wait_until
from ports import free_port
from server import Server, TRACKS

RULES = "packaging/prometheus/moqstat.rules.yml"
DASHBOARD = "packaging/grafana/moqstat.json"
METRIC = re.compile(r"\bmoqstat_[a-z_]+")
NODE = ".stats/node/n1"
FIELDS = ("announced", "announced_closed", "broadcasts", "broadcasts_closed", "subscriptions", "subscriptions_closed",
          "bytes", "frames", "groups")
MAPS = ("broadcasts", "roots", "opened", "closed", "entries", "paths", "root_paths", "guards", "sites", "hits",
        "pending", "peeks")
LOST = ("entry_null", "path_fault")


def promtool(*command, **more):
    done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False, **more)
    check(done.returncode == 0, f"promtool {' '.join(command)}: {done.stdout}{done.stderr}")


def rules(words):
    """They parse; each alert is set off by what it should be, and by nothing else; the guide tells of each."""
    promtool("check", "rules", os.path.join(words.top, RULES))
    promtool("check", "config", "prometheus.yml", cwd=os.path.join(words.top, "packaging/prometheus"))
    alerts = re.findall(r"- alert: (\w+)", words.read(RULES))
    tried = words.read("tests/words/rules.test.yml")
    guide = words.read("docs/guide.md")
    for alert in alerts:
        check(re.search(rf"alertname: {alert}\n    exp_alerts:\n", tried), f"{alert} is never set off by the tests")
        check(re.search(rf"alertname: {alert}(, exp_alerts: \[\])?\}}", tried), f"{alert} has no test in which it is not set off")
        check(f"`{alert}`" in guide, f"the guide doesn't tell of {alert}")
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(os.path.join(words.top, RULES), directory)
        shutil.copy(os.path.join(words.top, "tests/words/rules.test.yml"), directory)
        promtool("test", "rules", "rules.test.yml", cwd=directory)


def panels(words):
    """What Grafana needs to show them."""
    board = json.loads(words.read(DASHBOARD))
    variables = {v["name"] for v in board["templating"]["list"]}
    check(board["title"] and board["uid"] and board["schemaVersion"] >= 30, "a title, a uid, a schema")
    seen, taken = set(), set()
    for panel in board["panels"]:
        check(panel["id"] not in seen, f"two panels have the id {panel['id']}")
        seen.add(panel["id"])
        at = panel["gridPos"]
        check(at["w"] > 0 and at["h"] > 0 and at["x"] + at["w"] <= 24, f"{panel['title']}: {at}")
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        check(not cells & taken, f"{panel['title']} lies on another")
        taken |= cells
        if panel["type"] == "row":
            continue
        check(panel["type"] in ("stat", "timeseries", "table"), f"{panel['title']}: {panel['type']}")
        check(panel["targets"] and panel["fieldConfig"]["defaults"]["unit"], f"{panel['title']}: targets, a unit")
        refs = [target["refId"] for target in panel["targets"]]
        check(len(set(refs)) == len(refs), f"{panel['title']}: {refs}")
        for target in panel["targets"]:
            used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}
            check(used and used <= variables, f"{panel['title']}: {used} in {target['expr']}")
            check(target["datasource"]["uid"] == "${datasource}", f"{panel['title']}: {target['datasource']}")


def histogram(words, scale):
    bounds = words.read("user/histogram.c").split("= {")[1].split("};")[0]
    values = [int(times or 1) * 1000000 // int(part or 1)
              for times, part in re.findall(r"(?:(\d+) \* )?MS(?: / (\d+))?", bounds)]
    return {"bounds_ns": values, "counts": [scale] * (len(values) + 1), "sum_ns": scale * 1000000}


def tick(server, words, n):
    """What a run writes of its n-th tick."""
    row = {field: n + 10 if not field.endswith("closed") else n for field in FIELDS}
    for track in TRACKS:
        sessions = track.endswith("sessions.json")
        server.frame(track, {"acme": {"sessions": n + 4, "sessions_closed": n}} if sessions else {"demo/bbb": row})
    relay = {"programs": {"bump": {"hits": 9 * n, "runs": 9 * n, "run_ns": 4100 * n, "missed": n}},
             "maps": {name: {"entries": 3, "max": 100} for name in MAPS}, "lost": {reason: n for reason in LOST}}
    server.health(ticks=n, interval_ns=1000000000, skipped=n, cpu_ns=n * 10000000, resident_bytes=9000000,
                  tick=histogram(words, n), lag=histogram(words, n), relays={NODE: relay},
                  budget={"limit_ppm": 10000, "cost_ppm": 50 * n,
                          "shed": {kind: {"now": n % 2, "times": n} for kind in ("frames", "groups", "bytes")}})


class Scraper:
    """A Prometheus with the rules."""

    def __init__(self, words, address, directory):
        self.port = free_port()
        config = os.path.join(directory, "prometheus.yml")
        with open(config, "w", encoding="ascii") as f:
            f.write("global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
                    f"rule_files: ['{words.top}/{RULES}']\n"
                    "scrape_configs:\n- job_name: moqstat\n"
                    f"  static_configs: [{{targets: ['127.0.0.1:{address[1]}']}}]\n")
        self.child = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, what, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?" + urllib.parse.urlencode(query)
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as e:
            if e.code != 503:  # it is starting
                return json.loads(e.read())
        except OSError:
            pass
        return {"status": "not there yet", "data": {"result": []}}

    def query(self, expr):
        answer = self.ask("query", query=expr)
        check(answer["status"] != "error", f"{expr}: {answer.get('error')}")
        return answer["data"]["result"]

    def end(self):
        self.child.terminate()
        self.child.wait()


def exported(words):
    """The names in what a server answers that has been told all there is; a histogram has three."""
    server = Server(words.moqstat, "--publish", "ws://127.0.0.1:1/x")
    try:
        server.frames()
        server.status(broadcast=NODE, relay={"pid": 1}, tracks={TRACKS[0]: {"bytes": {"state": "exact"}}})
        tick(server, words, 1)
        text = wait_until(lambda: (body if "tick_lag" in (body := server.get("/metrics").body.decode()) else ""), 10,
                          lambda: f"all has been taken in: {server.errors()}")
        server.end()
    finally:
        server.clean()
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
        names |= {f"{name}_{end}" for end in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return names


def names(words):
    """Every metric that is named anywhere is one that there is."""
    known = exported(words)
    for path in (RULES, DASHBOARD, "docs/guide.md", "README.md", "tests/words/rules.test.yml"):
        for name in METRIC.findall(words.read(path)):
            # `moqstat_broadcast_…`: a family of names; a histogram's own.
            good = name in known or any(k.startswith(name) for k in known if name.endswith(("_", "_seconds")))
            check(good, f"{path}: there is no metric {name}")


def scraped(words):
    """A real Prometheus has data for each panel and each rule: none asks for what there isn't."""
    server = Server(words.moqstat)
    with tempfile.TemporaryDirectory() as directory:
        scraper = Scraper(words, server.address, directory)
        try:
            server.frames()
            fields = {t: {"bytes": {"state": "since-attach", "reason": "x"}} for t in TRACKS[:4]}
            fields["internal/subscriber.json"]["groups"] = {"state": "unavailable", "reason": "x"}
            server.status(broadcast=NODE, relay={"pid": 1, "build_id": "c0ffee"}, tracks=fields)
            n = 0
            while len(scraper.query("count_over_time(moqstat_ticks_total[1m]) > 4")) < 1:
                n += 1
                tick(server, words, n)
                check(n < 600, f"scraped {scraper.query('up')}")
                time.sleep(0.2)
            for panel in json.loads(words.read(DASHBOARD))["panels"]:
                for target in panel.get("targets", ()):
                    expr = target["expr"].replace("$__rate_interval", "1m")
                    expr = re.sub(r"\$(instance|node)\b", ".*", expr)
                    check(scraper.query(expr), f"the panel {panel['title']!r} shows nothing: {expr}")
            for name in set(METRIC.findall(words.read(RULES))):
                check(scraper.query(name), f"a rule asks for {name}, of which there is nothing")
            groups = wait_until(lambda: (g := scraper.ask("rules")["data"].get("groups")) and
                                all(r["lastEvaluation"][:4] != "0001" for r in g[0]["rules"]) and g, 30, "rules")
            for rule in groups[0]["rules"]:
                check(rule["health"] == "ok", f"{rule['name']}: {rule.get('lastError')}")

            def alerts():
                return {rule["name"] for rule in scraper.ask("rules")["data"]["groups"][0]["rules"] if rule["alerts"]}

            must = {"MoqstatFieldUnavailable", "MoqstatEventsLost", "MoqstatNotReady", "MoqstatProgramMissed"}
            wait_until(lambda: must <= alerts(), 30, lambda: f"set off: {alerts()}")
            on = alerts()
            check(not on & {"MoqstatDown", "MoqstatMapFilling", "MoqstatRelayLost"}, f"set off: {on}")
        finally:
            scraper.end()
            server.clean()


CASES = (rules, names, panels, scraped)
