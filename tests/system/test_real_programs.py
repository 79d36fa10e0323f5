# SPDX-License-Identifier: BSD-2-Clause
"""Programs that nobody here wrote, from the distribution: at least 99.5 % of the user samples of
each end at a root. What is missing is printed by its reason."""

import collections
import contextlib
import functools
import os
import pathlib
import pwd
import shutil
import struct
import subprocess
import time

import pytest

import bd

RATE = 997
ROOTS = ("_start", "__libc_start_main", "__libc_start_call_main", "clone", "clone3",
         "__clone3", "start_thread")


def needs(*programs):
    for program in programs:
        if not shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin"):
            pytest.skip(f"optional: {program} is not installed")


@functools.lru_cache(None)
def entry_of(path):
    """Where a program begins: `_start`, which has no name once it is stripped."""
    with open(path, "rb") as file:
        return struct.unpack_from("<Q", file.read(64), 24)[0]


def is_root(frame, report):
    """A known entry, or a function without a name that has none: in libc, or where it begins."""
    if frame["name"].startswith(ROOTS):
        return True
    if frame["module"] < 0 or "+0x" not in frame["name"]:
        return False
    path = report.modules[frame["module"]]["path"]
    if "libc.so" in path or "ld-linux" in path:
        return True
    return os.path.exists(path) and 0 <= frame["offset"] - entry_of(path) < 64


def check(report, of, least=150):
    """Samples of the processes named `of` (all, if None): whole, and ended at a root."""
    total, bad = 0, collections.Counter()
    for sample in report.samples:
        thread = report.threads[sample["thread"]]
        if of and thread["process"] not in of:
            continue
        frames = report.stack(sample["stack"]) if sample["stack"] >= 0 else []
        user = [frame for frame in frames if frame["kind"] != "kernel"]
        if frames and not user:
            continue  # in the kernel, without memory of its own: exec and exit
        total += 1
        cut = [frame["name"] for frame in user if frame["kind"] == bd.CUT]
        if not user:
            bad["stack lost"] += 1
        elif cut:
            bad[cut[0]] += 1
        elif not is_root(user[-1], report):
            bad[f"ends in {user[-1]['name']}"] += 1
    assert total >= least, f"only {total} samples"
    share = 100 * (1 - sum(bad.values()) / total)
    print(f"{share:.2f} % of {total} whole; {dict(bad)}")
    assert share >= 99.5, f"{share:.2f} % of {total}: {bad.most_common(8)}"


SQL = """create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
insert into t select i, hex(randomblob(8)) from n;
select count(distinct substr(b, 1, 4)), sum(length(replace(b, 'A', 'BB'))) from t;
"""
PERL = """my %h; for my $i (1 .. 2000000) { $h{$i % 5000} .= chr(65 + $i % 26) if "$i" =~ /[1-7]$/ }
print join ",", map { length } (sort { $a cmp $b } values %h)[0 .. 3];"""
PYTHON = """import re, json
d = [{"n": i, "s": str(i) * 3} for i in range(60000)]
for _ in range(12): json.loads(json.dumps(d))
sorted(d, key=lambda x: x["s"]); re.findall(r"(a|b)+c?", "abacbab" * 20000)"""


def source(lines):
    body = "\n".join(f"int f{i}(int a, int *b) {{ for (int i = 0; i < a; i++) b[i] = b[i] * {i} "
                     f"+ (b[i] >> {i % 7}); return b[a] ? f{max(i - 1, 0)}(a - 1, b) : a; }}"
                     for i in range(lines))
    return "int f0(int, int *);\n" + body + "\n"


ONE_SHOT = {
    "sqlite3": (["sqlite3", ":memory:", SQL], ["sqlite3"]),
    "xz": (["xz", "-2", "-c", "INPUT"], ["xz"]),
    "zstd": (["zstd", "-12", "-c", "INPUT"], None),
    "openssl": (["openssl", "speed", "-seconds", "3", "-bytes", "1024", "sha256"], ["openssl"]),
    "perl": (["perl", "-e", PERL], ["perl"]),
    "python3": (["/usr/bin/python3", "-c", PYTHON], ["python3"]),
    "sort": (["sort", "-R", "INPUT"], ["sort"]),
    "cc1": (["gcc", "-O2", "-w", "-c", "SOURCE", "-o", "/dev/null"], ["cc1"]),
    "git": (["git", "diff", "--no-index", "--patience", "INPUT", "OTHER"], ["git"]),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Files for the programs to work on, made here."""
    path = tmp_path_factory.mktemp("inputs")
    (path / "input").write_text("".join(f"{i * 7919 % 1000003} line {i}\n"
                                        for i in range(250000)))
    (path / "other").write_text("".join(f"{i * 7907 % 1000003} line {i + i % 3}\n"
                                        for i in range(720000)))
    (path / "source.c").write_text(source(250))
    return {"INPUT": path / "input", "OTHER": path / "other", "SOURCE": path / "source.c"}


@pytest.mark.parametrize("name", list(ONE_SHOT))
def test_one_shot(tmp_path, inputs, name):
    command, of = ONE_SHOT[name]
    needs(command[0])
    command = [inputs.get(word, word) for word in command]
    out = tmp_path / "a.bdr"
    done = bd.backdraft("capture", "-F", str(RATE), "-o", out, "--", "/bin/sh", "-c",
                        'exec "$0" "$@" >/dev/null 2>&1', *command)
    assert done.status == 0, done.stderr
    report = bd.Report(out)
    assert report.raw["command"]["exit_status"] == (1 if name == "git" else 0)
    check(report, of)


@contextlib.contextmanager
def postgres(path):
    """A server of its own in `path`, on a socket there, as an unprivileged user."""
    binaries = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if not binaries or not (binaries / "initdb").exists():
        pytest.skip("optional: PostgreSQL is not installed")
    user = pwd.getpwnam("nobody")
    data = path / "data"
    data.mkdir()
    os.chown(path, user.pw_uid, user.pw_gid)
    os.chown(data, user.pw_uid, user.pw_gid)
    plain = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid),
             "--clear-groups"]
    env = dict(os.environ, LC_ALL="C", HOME=str(path), PGHOST=str(path), PGDATABASE="postgres",
               PGUSER="postgres", PATH=f"{binaries}:/usr/bin:/bin")
    quiet = dict(env=env, cwd=path, check=True, capture_output=True, timeout=60)
    subprocess.run(plain + ["initdb", "-D", data, "-U", "postgres", "-N"], **quiet)
    server = subprocess.Popen(plain + ["postgres", "-D", data, "-k", path, "-c",
                                       "listen_addresses=", "-F"], env=env, cwd=path,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if subprocess.run(["pg_isready", "-q"], env=env, cwd=path).returncode == 0:
                break
            time.sleep(0.1)
        subprocess.run(["pgbench", "-i", "-s", "2", "-q"], **quiet)
        yield env
    finally:
        server.terminate()
        server.wait(20)


def test_postgresql(public_dir, tmp_path):
    needs("pgbench")
    with postgres(public_dir) as env:
        with bd.beside("pgbench", "-c", "4", "-j", "2", "-T", "30", env=env, cwd=public_dir):
            time.sleep(0.5)
            report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", str(RATE), "-c", "postgres")
    check(report, ["postgres"])


@contextlib.contextmanager
def listening(command, port, **options):
    with bd.beside(*command, **options) as server:
        for _ in range(100):
            done = subprocess.run(["/bin/bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"],
                                  capture_output=True)
            if done.returncode == 0:
                break
            time.sleep(0.1)
        yield server


def test_redis(tmp_path):
    needs("redis-server", "redis-benchmark")
    server = ["redis-server", "--port", "16379", "--bind", "127.0.0.1", "--save", ""]
    load = ["redis-benchmark", "-p", "16379", "-n", "10000000", "-q", "-t", "set,lpush,zadd"]
    with listening(server, 16379, cwd=tmp_path) as process, bd.beside(*load):
        report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", str(RATE), "-p", process.pid)
    check(report, None)


def test_nginx(public_dir, tmp_path):
    needs("nginx", "wrk")
    (public_dir / "page.html").write_text("x" * 2000)
    (public_dir / "nginx.conf").write_text(f"""
        pid {public_dir}/pid; daemon off; master_process off; error_log /dev/null;
        events {{ worker_connections 256; }}
        http {{ access_log off; gzip on; gzip_min_length 1; gzip_types text/html;
                server {{ listen 127.0.0.1:18080; root {public_dir}; }} }}""")
    server = ["nginx", "-p", public_dir, "-c", public_dir / "nginx.conf"]
    load = ["wrk", "-t", "1", "-c", "16", "-d", "30", "-H", "Accept-Encoding: gzip",
            "http://127.0.0.1:18080/page.html"]
    with listening(server, 18080), bd.beside(*load):
        time.sleep(0.5)
        report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", str(RATE), "-c", "nginx")
    check(report, ["nginx"])
