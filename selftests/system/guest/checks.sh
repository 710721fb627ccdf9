# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the tests in the guest, and by the scripts that prepare them.

pass()
{
	printf 'PASS  %s\n' "$1"
}

# fail NAME LOG
fail()
{
	printf 'FAIL  %s\n' "$1"
	tail -n 40 "$2" | sed 's/^/      /'
}

# check NAME COMMAND...: PASS if the command succeeds with "set -e", else FAIL and
# its output, with a trace of what it ran. It runs in a subshell.
check()
{
	local name=$1 log

	log=$(mktemp)
	shift
	(set -eux; "$@") > "$log" 2>&1 &
	if wait $!; then
		pass "$name"
		rm "$log"
		return 0
	fi
	fail "$name" "$log"
	rm "$log"
	return 1
}

# The command fails, with exactly this status.
fails_with()
{
	local expected=$1 status=0

	shift
	"$@" || status=$?
	echo "exit status $status, expected $expected: $*"
	[ "$status" = "$expected" ]
}

# The command's output, all of it, is this.
prints()
{
	local expected=$1 got

	shift
	got=$("$@") || {
		echo "failed, printing '$got': $*"
		return 1
	}
	echo "$* prints '$got', expected '$expected'"
	[ "$got" = "$expected" ]
}
