# SPDX-License-Identifier: BSD-2-Clause
"""Who may do what: tokens and scopes, rates, listening, TLS, and root."""

import os
import signal
import ssl
import subprocess
import urllib.request

import pytest

import srv
from srv import report, report_id

ONE = f"/v1/reports/{report_id(1).hex()}"


def token(data, name, scopes):
    return srv.verb(data, "token", "create", name, scopes)[1].strip()


def test_scopes(start):
    receiver = start()
    assert receiver.post(report(1)).status == 200
    tokens = {scope: token(receiver.data, scope, scope) for scope in ("ingest", "read", "admin")}
    srv.wait_for(lambda: receiver.get("/v1/reports").status == 401, "tokens are asked for")
    for method, path, scope in [("POST", "/v1/reports", "ingest"), ("GET", "/v1/reports", "read"),
                                ("GET", ONE, "read"), ("GET", f"{ONE}/export", "read"),
                                ("GET", "/metrics", "read"), ("DELETE", ONE, "admin")]:
        body = srv.pack(report(1)) if method == "POST" else None
        without = receiver.ask(method, path, body=body)
        assert without.status == 401 and without.headers["www-authenticate"] == "Bearer"
        for name, text in tokens.items():
            answer = receiver.ask(method, path, body=body, token=text)
            assert (answer.status < 300) == (name == scope), (method, path, name, answer.status)
            assert answer.status in (200, 204, 403)
    assert receiver.get("/healthz").status == 200


def test_wrong_and_revoked(start):
    data = None
    receiver = start()
    data = receiver.data
    good = token(data, "good", "ingest,read")
    assert srv.verb(data, "token", "list")[1].split()[:2] == ["good", "ingest,read"]
    assert good not in (data / "tokens").read_text()
    srv.wait_for(lambda: receiver.get("/v1/reports").status == 401, "tokens are asked for")
    assert receiver.get("/v1/reports", token=good).status == 200
    for wrong in (good[:-1], good + "0", good.upper(), "", "x" * 5000, good[:-1] + "\xe9"):
        assert receiver.get("/v1/reports", token=wrong or " ").status == 401, wrong
    assert receiver.get("/v1/reports", Authorization=f"Basic {good}").status == 401
    assert receiver.get(f"/v1/reports?token={good}").status == 401
    srv.verb(data, "token", "revoke", "good")
    srv.wait_for(lambda: receiver.get("/v1/reports", token=good).status == 401, "it is revoked")
    # the last one is gone, and still nobody gets in
    assert receiver.get("/v1/reports").status == 401
    status, _, error = srv.verb(data, "token", "revoke", "good", ok=False)
    assert status == 2 and "good" in error


def test_rate(start):
    receiver = start("--limit", "requests_per_second=5")
    answers = [receiver.get("/v1/reports") for _ in range(40)]
    late = [each for each in answers if each.status == 429]
    assert 10 <= len(late) <= 30 and late[0].headers["retry-after"] == "1"
    # another address has a rate of its own
    c = receiver.connection(source="127.0.0.3")
    assert receiver.get("/v1/reports", connection=c).status == 200
    srv.wait_for(lambda: receiver.get("/v1/reports").status == 200, "the rate recovers")


def fails(*options):
    with srv.directory() as place:
        words = [srv.SERVER, "--data", place / "data", "--listen", "127.0.0.1:0", *options]
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("options, says", [
    (["--listen", "0.0.0.0:0"], "token create"),
    (["--listen", "nonsense"], "ADDRESS:PORT"),
    (["--store", "paper"], "sqlite"),
    (["--tls-cert", "/etc/hostname"], "belong together"),
    (["--tls-cert", "/etc/hostname", "--tls-key", "/etc/hostname"], "PEM"),
    (["--limit", "body_bytes=1"], "not allowed"),
    (["--limit", "nothing=1"], "no key"),
    (["--nothing"], "no option"),
    (["dance"], "no verb"),
    (["--user", "no-such-user-here"], "no user"),
])
def test_wrong_use(options, says):
    """One line that names the thing and what to do, and nothing listens."""
    if options[0] == "--user" and os.geteuid():
        pytest.skip("optional: only root becomes somebody")
    done = fails(*([] if "--user" in options else srv.USER), *options)
    assert done.returncode in (1, 2) and says in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout


def test_root():
    """As root it does not run, unless it is told to, or whom to become."""
    if os.geteuid():
        pytest.skip("optional: this isn't root")
    done = fails()
    assert done.returncode == 2 and "--user" in done.stderr
    with srv.directory() as place:
        receiver = srv.Receiver(place / "data")
        status = open(f"/proc/{receiver.pid()}/status", encoding="ascii").read()
        receiver.stop()
        receiver.log.close()
        assert "Uid:\t65534\t65534\t65534\t65534" in status
        assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert (place / "data").stat().st_uid == 65534 and (place / "data").stat().st_mode & 0o777 == 0o700
        for path in (place / "data").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path


def test_beyond_loopback(start):
    """With the words that say so it listens to all, and warns."""
    receiver = start("--insecure-no-tokens", listen="0.0.0.0:0")
    assert receiver.post(report(1)).status == 200
    assert "anybody" in receiver.log_text()


def make_certificate(place, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", place / "key.new", "-out",
                    place / "cert.new"], check=True, capture_output=True)
    for part in ("key", "cert"):
        os.chmod(place / f"{part}.new", 0o644)
        (place / f"{part}.new").rename(place / f"{part}.pem")


def certificate(receiver):
    return ssl.get_server_certificate(("127.0.0.1", receiver.port))


def test_seccomp(start, place):
    """With every system call that it does not need refused, it does all that it does without."""
    make_certificate(place, "one")
    receiver = start("--seccomp", "--keep-bytes", "1M")
    status = open(f"/proc/{receiver.pid()}/status", encoding="ascii").read()
    assert "Seccomp:\t2" in status
    for n in range(40):
        assert receiver.post(report(n, pad=60000)).status == 200
    one = f"/v1/reports/{report_id(39).hex()}"
    assert receiver.get(f"{one}/export?format=html").status == 200
    assert receiver.get(f"{one}/export?thread=w").status == 200
    assert receiver.ask("DELETE", one).status == 204
    srv.wait_for(lambda: receiver.metric("reports_dropped_total") > 0, "retention")
    srv.verb(receiver.data, "backup", receiver.data / "copy.db")
    text = token(receiver.data, "all", "read,ingest")
    srv.wait_for(lambda: receiver.get("/v1/reports").status == 401, "tokens are asked for")
    assert receiver.get("/v1/reports", token=text).status == 200
    assert receiver.stop() == 0
    receiver = start("--seccomp", "--tls-cert", place / "cert.pem", "--tls-key", place / "key.pem")
    context = ssl.create_default_context(cafile=place / "cert.pem")
    url = f"https://127.0.0.1:{receiver.port}/healthz"
    assert urllib.request.urlopen(url, context=context, timeout=10).read() == b"ok\n"
    first = certificate(receiver)
    make_certificate(place, "two")
    receiver.process.send_signal(signal.SIGHUP)
    srv.wait_for(lambda: certificate(receiver) != first, "the new one")


def test_tls(start, place):
    """TLS, and another certificate without a restart; a bad one changes nothing."""
    make_certificate(place, "one")
    receiver = start("--tls-cert", place / "cert.pem", "--tls-key", place / "key.pem")
    first = (place / "cert.pem").read_text()
    context = ssl.create_default_context(cafile=place / "cert.pem")
    url = f"https://127.0.0.1:{receiver.port}/healthz"
    assert urllib.request.urlopen(url, context=context, timeout=10).read() == b"ok\n"
    assert certificate(receiver) == first
    make_certificate(place, "two")
    receiver.process.send_signal(signal.SIGHUP)
    srv.wait_for(lambda: certificate(receiver) == (place / "cert.pem").read_text(), "the new one")
    second = (place / "cert.pem").read_text()
    assert second != first
    (place / "key.pem").write_text("nonsense")
    receiver.process.send_signal(signal.SIGHUP)
    srv.wait_for(lambda: "stays" in receiver.log_text(), "what is wrong is said")
    assert certificate(receiver) == second
    # plain HTTP on this port is nothing
    assert receiver.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", timeout=3).count(b"ok") == 0
