# SPDX-License-Identifier: BSD-2-Clause
"""Programs that nobody here wrote, from the distribution, at work: for the tests of whole stacks and
for `tools/bench agree`. A program that is not installed raises Missing."""

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time

import bd


class Missing(Exception):
    """What is not installed."""


def needs(*programs):
    for program in programs:
        if not shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin"):
            raise Missing(f"{program} is not installed")


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


# name -> its command (INPUT, OTHER, SOURCE: files of make_inputs), and the processes that are meant
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


def make_inputs(path):
    """Files for the programs to work on, made in a directory."""
    (path / "input").write_text("".join(f"{i * 7919 % 1000003} line {i}\n"
                                        for i in range(250000)))
    (path / "other").write_text("".join(f"{i * 7907 % 1000003} line {i + i % 3}\n"
                                        for i in range(720000)))
    (path / "source.c").write_text(source(250))
    return {"INPUT": path / "input", "OTHER": path / "other", "SOURCE": path / "source.c"}


# --- servers, below their load: a context with the processes of each

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def listening(command, port, **options):
    with bd.beside(*command, **options) as server:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield server


def children_of(pid):
    return list(map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextlib.contextmanager
def postgres_server(path):
    """A server of its own in `path`, on a socket there, as an unprivileged user."""
    binaries = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if not binaries or not (binaries / "initdb").exists():
        raise Missing("PostgreSQL is not installed")
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
        yield env, server.pid
    finally:
        server.terminate()
        server.wait(20)


@contextlib.contextmanager
def postgres(path):
    """With pgbench; in a directory that every user can enter."""
    needs("pgbench")
    with postgres_server(path) as (env, pid):
        with bd.beside("pgbench", "-c", "4", "-j", "2", "-T", "30", env=env, cwd=path):
            time.sleep(0.5)
            yield [pid, *children_of(pid)]


@contextlib.contextmanager
def redis(path):
    """With redis-benchmark."""
    needs("redis-server", "redis-benchmark")
    port = free_port()
    server = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", ""]
    load = ["redis-benchmark", "-p", port, "-n", "10000000", "-q", "-t", "set,lpush,zadd"]
    with listening(server, port, cwd=path) as process, bd.beside(*load):
        yield [process.pid]


@contextlib.contextmanager
def nginx(path):
    """With wrk; in a directory that every user can enter."""
    needs("nginx", "wrk")
    port = free_port()
    (path / "page.html").write_text("x" * 2000)
    (path / "nginx.conf").write_text(f"""
        pid {path}/pid; daemon off; master_process off; error_log /dev/null;
        events {{ worker_connections 256; }}
        http {{ access_log off; gzip on; gzip_min_length 1; gzip_types text/html;
                server {{ listen 127.0.0.1:{port}; root {path}; }} }}""")
    server = ["nginx", "-p", path, "-c", path / "nginx.conf"]
    load = ["wrk", "-t", "1", "-c", "16", "-d", "30", "-H", "Accept-Encoding: gzip",
            f"http://127.0.0.1:{port}/page.html"]
    with listening(server, port) as process, bd.beside(*load):
        time.sleep(0.5)
        yield [process.pid]


SERVERS = {"postgres": postgres, "redis-server": redis, "nginx": nginx}
