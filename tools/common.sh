# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What the scripts in this directory share; sourced, never run.

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# can_root: whether as_root would work; asks nothing.
can_root() {
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || command -v doas >/dev/null
}

# as_root COMMAND...: run it as root, by sudo or doas where this is not root already. They ask for
# the password on the terminal; without one they fail at once.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	elif command -v doas >/dev/null; then
		doas -- "$@"
	else
		die "needs root for: $* (and there is neither sudo nor doas; run this as root)"
	fi
}

# seconds_since START: whole seconds since START, which is a `date +%s`.
seconds_since() {
	echo $(($(date +%s) - $1))
}
