# SPDX-License-Identifier: BSD-2-Clause
"""What the receiver takes and gives back, by the contract in docs/receiver-api.md."""

import gzip
import json
import subprocess
import time

import msgpack
import pytest

import srv
from srv import report, report_id


def ids(answer):
    assert answer.status == 200, answer.body
    return [int.from_bytes(bytes.fromhex(each["id"])[:15], "little") for each in answer.json()["reports"]]


def test_same_as_the_file(start, place):
    """The bytes come back, and an export from the receiver is the tool's from the file."""
    receiver = start()
    path = place / "one.bdr"
    subprocess.run([srv.SYNTH, "--seed", "7", "--stacks", "400", "-o", path], check=True)
    done = receiver.post(path.read_bytes(), Content_Encoding="gzip")
    assert done.status == 200
    [stored] = done.json()["reports"]
    assert stored["stored"] is True
    one = f"/v1/reports/{stored['id']}"
    back = receiver.get(one)
    assert back.body == path.read_bytes()
    assert back.headers["content-type"] == "application/vnd.msgpack"
    assert back.headers["content-encoding"] == "gzip"
    for query, options in [("format=folded", ["-f", "folded"]), ("format=json", ["-f", "json"]),
                           ("format=svg&by=wait", ["-f", "svg", "--by", "wait"]),
                           ("format=folded&from=10&to=20&reverse",
                            ["-f", "folded", "--from", "10", "--to", "20", "--reverse"]),
                           ("format=folded&thread=worker", ["-f", "folded", "--thread", "worker"])]:
        tool = subprocess.run([srv.BACKDRAFT, "export", path, *options], capture_output=True, check=True)
        export = receiver.get(f"{one}/export?{query}")
        assert export.status == 200 and export.body == tool.stdout, query
    page = receiver.get(f"{one}/export?format=html")
    assert page.body.startswith(b"<!") and "sandbox" in page.headers["content-security-policy"]
    assert receiver.get(f"{one}/export?format=nothing").status == 400
    assert receiver.get(f"{one}/export?from=-1").status == 400
    as_json = receiver.get(one, Accept="application/json")
    assert as_json.json()["id"] == stored["id"]
    head = receiver.ask("HEAD", one)
    assert head.status == 200 and not head.body


@pytest.mark.parametrize("form", ["msgpack", "msgpack.gz", "json", "json.gz"])
def test_forms(start, form):
    """One report and a batch of three in each form; the same twice is one."""
    receiver = start()

    def encode(value):
        kind, _, packed = form.partition(".")
        data = msgpack.packb(value) if kind == "msgpack" else json.dumps(srv.as_json(value)).encode()
        return gzip.compress(data) if packed else data

    kind = "json" if form.startswith("json") else "vnd.msgpack"
    headers = {"Content_Encoding": "gzip"} if form.endswith("gz") else {}
    one = receiver.post(encode(report(1)), kind=kind, **headers)
    assert one.json() == {"reports": [{"id": report_id(1).hex(), "stored": True}]}
    batch = receiver.post(encode([report(n) for n in range(3)]), kind=kind, **headers)
    assert [each["stored"] for each in batch.json()["reports"]] == [True, False, True]
    assert sorted(ids(receiver.get("/v1/reports"))) == [0, 1, 2]
    back = receiver.get(f"/v1/reports/{report_id(2).hex()}")
    expected = report(2)
    found = msgpack.unpackb(gzip.decompress(back.body))
    assert {name: found[name] for name in expected} == expected
    assert receiver.post(encode([report(5), {"schema": "x"}]), kind=kind, **headers).status == 400
    assert sorted(ids(receiver.get("/v1/reports"))) == [0, 1, 2]


def test_newer_agent(start):
    """Fields, tables and kinds that this version does not know come back as they were."""
    receiver = start()
    newer = report(1, later={"a": [1, {"b": None}], "c": b"\x00\xff"}, another=[1.5] * 100)
    newer["host"]["gpu"] = "yes"
    newer["threads"]["colour"] = [3]
    body = srv.pack(newer)
    assert receiver.post(body).status == 200
    back = receiver.get(f"/v1/reports/{report_id(1).hex()}")
    assert back.body == body
    assert msgpack.unpackb(gzip.decompress(back.body)) == newer
    by_json = report(2, later={"a": [1, {"b": None}]})
    by_json["host"]["gpu"] = "yes"
    assert receiver.post(json.dumps(srv.as_json(by_json)).encode(), kind="json").status == 200
    found = msgpack.unpackb(gzip.decompress(receiver.get(f"/v1/reports/{report_id(2).hex()}").body))
    assert found["later"] == {"a": [1, {"b": None}]} and found["host"]["gpu"] == "yes"


def test_refused(start):
    receiver = start()
    no_id = report(1)
    del no_id["id"]
    other = report(1)
    other["schema"] = "backdraft.report/2"
    for body, status, headers in [
            (srv.pack(no_id), 422, {}), (srv.pack(other), 400, {}), (b"", 400, {}),
            (b"what", 400, {}), (srv.pack(report(1))[:-9], 400, {}),
            (srv.pack(report(1)) + b"x", 400, {}), (srv.pack(7), 400, {}),
            (srv.pack(report(1)), 422, {"Idempotency_Key": "0" * 32}),
            (srv.pack(report(1)), 415, {"Content_Encoding": "br"}),
    ]:
        answer = receiver.post(body, **headers)
        assert answer.status == status, (answer.status, answer.body)
        assert answer.error() and "\n" not in answer.error()
    assert receiver.post(srv.pack(report(1)), kind="pdf").status == 415
    assert receiver.get("/v1/reports").json() == {"reports": [], "next": None}
    assert receiver.post(report(1), Idempotency_Key=report_id(1).hex()).status == 200


def test_queries(start):
    receiver = start()
    for n in range(30):
        answer = receiver.post(report(n, client="pay" if n % 3 == 0 else "shop", host=1 + n % 2,
                                      functions=("main", f"only_{n}")))
        assert answer.status == 200
    begin = 1764000000000000000
    everything = list(range(29, -1, -1))
    for query, expected in [
            ("", everything), ("client=pay", [n for n in everything if n % 3 == 0]),
            ("client=nobody", []), ("kind=threshold", everything), ("kind=crash", []),
            (f"host={'02' * 16}", [n for n in everything if n % 2]),
            (f"since={begin + 20 * 10**9}", everything[:10]),
            (f"until={begin + 20 * 10**9}", everything[10:]),
            ("function=main", everything), ("function=only_7", [7]),
            ("function=only_7&client=pay", []), ("label=host%202&client=pay", [27, 21, 15, 9, 3]),
    ]:
        assert ids(receiver.get(f"/v1/reports?{query}")) == expected, query
    seen, query = [], "limit=7"
    while query:
        page = receiver.get(f"/v1/reports?{query}")
        seen += ids(page)
        query = page.json()["next"] and f"limit=7&next={page.json()['next']}"
    assert seen == everything
    [row] = receiver.get("/v1/reports?function=only_7").json()["reports"]
    assert row["client"] == "shop" and row["kind"] == "threshold" and row["value"] == 2.5
    assert row["host"] == "02" * 16 and row["cpu_ns"] == 3000000 and row["samples"] == 2


def test_delete(start):
    receiver = start()
    receiver.post(report(1))
    one = f"/v1/reports/{report_id(1).hex()}"
    assert receiver.ask("DELETE", one).status == 204
    assert receiver.ask("DELETE", one).status == 404
    assert receiver.get(one).status == 404
    assert receiver.post(report(1)).json()["reports"][0]["stored"] is True


def beats(host=1, minutes=3, facts=None, at_ns=None):
    end = (at_ns or time.time_ns()) // 60000000000 * 60000000000
    return {"schema": "backdraft.heartbeats/1", "host": bytes([host]) * 16, "facts_hash": b"\x05" * 16,
            "strings": ["", "shop"],
            "beats": {"t_ns": [end - i * 60000000000 for i in range(minutes)],
                      "cpu_ns": [5] * minutes},
            "clients": {"beat": list(range(minutes)), "name": [1] * minutes,
                        "cpu_avg_milli": [250] * minutes},
            **({"facts": facts} if facts else {})}


def test_heartbeats(start):
    receiver = start()
    at_ns = time.time_ns()

    def post(kind="vnd.msgpack", **more):
        batch = beats(at_ns=at_ns, **more)
        body = srv.pack(batch) if kind != "json" else json.dumps(srv.as_json(batch)).encode()
        answer = receiver.post(body, path="/v1/heartbeats", kind=kind)
        assert answer.status == 200, answer.body
        return answer.json()

    assert post() == {"accepted": 3, "facts_wanted": True}
    assert post(facts={"host": {"kernel": "6.1"}}) == {"accepted": 0, "facts_wanted": False}
    assert post() == {"accepted": 0, "facts_wanted": False}
    assert post(minutes=5, kind="json") == {"accepted": 2, "facts_wanted": False}
    assert receiver.metric("store_beats") == 5
    no_host = beats()
    del no_host["host"]
    assert receiver.post(srv.pack(no_host), path="/v1/heartbeats").status == 422
    assert receiver.post(report(1), path="/v1/heartbeats").status == 400
    assert receiver.post(beats(), path="/v1/reports").status == 400


def test_hosts(start):
    """Hosts with their facts and their last minute, in pages; one that has only a report is one too."""
    receiver = start()
    at_ns = time.time_ns() // 60000000000 * 60000000000
    facts = {"agent": {"version": "0.1"}, "host": {"kernel": "6.1", "label": "rack 7", "cpus": 8,
                                                   "cpu_model": 'a "fast" one'}}
    for host in range(1, 6):
        batch = beats(host=host, minutes=3, at_ns=at_ns - host * 600000000000, facts=facts)
        batch["strings"] += ["pay", "2.0"]
        for column, values in {"beat": [0, 1, 0], "name": [1, 1, 2], "cpu_avg_milli": [250, 9, -1],
                               "cpu_max_milli": [900, 9, -1], "version": [3, 0, 0],
                               "rss_kib": [1 << 40, 0, 0]}.items():
            batch["clients"][column] = values
        # an older batch that comes late changes nothing
        for late in (0, 1):
            batch["beats"]["t_ns"] = [t - late * 10 ** 12 for t in batch["beats"]["t_ns"]]
            assert receiver.post(srv.pack(batch), path="/v1/heartbeats").status == 200
    receiver.post(report(1, host=9))
    whole = receiver.get("/v1/hosts").json()
    assert whole["next"] is None and len(whole["hosts"]) == 6
    one = whole["hosts"][1]
    assert one["host"] == "02" * 16 and one["beat"]["t_ns"] == at_ns - 1200000000000
    assert one["beat"]["cpu_ns"] == 5
    assert {key: one[key] for key in ("label", "agent", "kernel", "cpus", "cpu_model")} == {
        "label": "rack 7", "agent": "0.1", "kernel": "6.1", "cpus": 8, "cpu_model": 'a "fast" one'}
    assert "os" not in one
    shop, pay = one["clients"]
    assert (shop["name"], shop["version"], shop["cpu_avg_milli"], shop["cpu_max_milli"],
            shop["rss_kib"]) == ("shop", "2.0", 250, 900, 1 << 40)
    assert (pay["name"], pay["cpu_avg_milli"]) == ("pay", -1)
    assert whole["hosts"][5] == {"host": "09" * 16}
    paged, query = [], "limit=2"
    while query:
        page = receiver.get(f"/v1/hosts?{query}").json()
        assert len(page["hosts"]) <= 2
        paged += page["hosts"]
        query = page["next"] and f"limit=2&next={page['next']}"
    assert paged == whole["hosts"]

    def found(query):
        return [int(each["host"][:2]) for each in receiver.get(f"/v1/hosts?{query}").json()["hosts"]]

    assert found(f"host={'04' * 16}") == [4] and found(f"host={'0a' * 16}") == []
    assert found(f"since={at_ns - 1800000000000}") == [1, 2, 3]
    assert found(f"until={at_ns - 1800000000000}") == [4, 5, 9]
    assert receiver.get("/v1/hosts?client=shop").status == 400
    assert receiver.get("/v1/hosts?next=1").status == 400
    assert receiver.ask("POST", "/v1/hosts", body=b"").status == 405


def test_health_and_metrics(start):
    receiver = start()
    assert receiver.get("/healthz").body == b"ok\n"
    assert receiver.get("/readyz").status == 200
    receiver.post(report(1))
    receiver.post(report(1))
    assert receiver.metric("reports_stored_total") == 1
    assert receiver.metric("reports_again_total") == 1
    assert receiver.metric("store_reports") == 1
    text = receiver.get("/metrics").body.decode()
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 30
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.split()) == 2


def test_retention_by_size(start):
    """A store that is over its size loses its oldest, by itself, until it fits."""
    receiver = start("--keep-bytes", "2M")
    for n in range(60):
        assert receiver.post(report(n, pad=100000)).status == 200
    srv.wait_for(lambda: receiver.metric("store_bytes") <= 2 << 20, "a store of 2 MB")
    left = ids(receiver.get("/v1/reports"))
    assert left == list(range(59, 59 - len(left), -1)) and 5 < len(left) < 30
    srv.wait_for(lambda: receiver.metric("reports_dropped_total") == 60 - len(left), "they are counted")


def test_verbs(start, place):
    receiver = start()
    for n in range(20):
        receiver.post(report(n))
    out = place / "files"
    out.mkdir()
    data = receiver.data
    backup = data / "copy.db"
    assert srv.verb(data, "fsck")[1] == "nothing is wrong\n"
    srv.verb(data, "backup", backup)
    (out / "a.bdr").write_bytes(srv.pack(report(100)))
    (out / "b.json").write_text(json.dumps(srv.as_json(report(101))), encoding="ascii")
    (out / "bad.bdr").write_bytes(b"no report")
    status, _, error = srv.verb(data, "import", out / "a.bdr", ok=False)
    assert status == 1 and "in use" in error
    receiver.stop()
    status, text, error = srv.verb(data, "import", out / "a.bdr", out / "b.json", out / "bad.bdr",
                                   out / "a.bdr", ok=False)
    assert status == 1 and text == "2 stored, 1 there already, 1 failed\n" and "bad.bdr" in error
    assert srv.verb(data, "fsck")[1] == "nothing is wrong\n"
    # the copy has what there was when it was made
    backup.rename(data / "reports.db")
    receiver = start()
    assert sorted(ids(receiver.get("/v1/reports"))) == list(range(20))
