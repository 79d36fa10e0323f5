#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# In a guest: the daemon watches three programs, of which one is dumped while it lives, and all die:
# by a null call; by a write while one of its threads is frozen; by a filter of system calls.
set -eu
within() { # within SECONDS COMMAND...: until the command succeeds
	left=$(($1 * 10))
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "not in time: $*" >&2 && exit 1; }
		sleep 0.1
	done
}
said() { grep -q "$1" "$2"; }
all_ready() { [ "$(backdraft status --json --config /w.conf | grep -o '"crash_ready": *1' | wc -l)" = 3 ]; }
frozen() { [ "$(cat /tmp/freezer/one/freezer.state)" = FROZEN ]; }
reported() { set -- /tmp/spool/*.bdr && [ $# = 3 ]; }

backdraft watch --config /w.conf 2>/tmp/watch.log &
daemon=$!
within 60 said watching: /tmp/watch.log
mkfifo /tmp/tell
v-null null 6 idle told </tmp/tell >/tmp/null &
null=$!
v-frozen write 3 idle told </tmp/tell >/tmp/frozen &
frozen=$!
v-filter filter 3 idle told </tmp/tell >/tmp/filter &
filter=$!
exec 3>/tmp/tell
for name in null frozen filter; do within 30 said ready /tmp/$name; done
within 30 all_ready

backdraft dump $null -o /tmp/dump.bdr >/tmp/dump.text || true
mkdir /tmp/freezer
mount -t cgroup -o freezer freezer /tmp/freezer
mkdir /tmp/freezer/one
for task in "/proc/$frozen/task"/*; do
	if [ "$(cat "$task/comm")" = sleep ]; then echo "${task##*/}" | tee /tmp/freezer/one/tasks; fi
done
echo FROZEN >/tmp/freezer/one/freezer.state
within 10 frozen

exec 3>&-
wait $null || true
wait $filter || true
within 30 reported
echo THAWED >/tmp/freezer/one/freezer.state
wait $frozen || true
kill $daemon
wait $daemon || true
for report in /tmp/spool/*.bdr; do mv "$report" "/tmp/$(echo "$report" | grep -o 'v-[a-z]*').bdr"; done
