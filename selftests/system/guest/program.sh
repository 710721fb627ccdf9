# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the tests in the guest: a program that reads lines and prints lines,
# and what is in its memory.

# start COMMAND...: run it in the background; $pid is its process ID. What it
# prints goes to $printed.
start()
{
	printed=$(mktemp)
	input=$(mktemp -u)
	mkfifo "$input"
	"$@" < "$input" > "$printed" 2>&1 &
	pid=$!
	exec {line_to_program}> "$input"
	rm "$input"
}

# give LINE [SECONDS]: give the program a line, and print the next that it prints.
give()
{
	local before

	before=$(wc -l < "$printed")
	printf '%s\n' "$1" >&"$line_to_program"
	await_line $((before + 1)) "${2:-60}"
}

# await_line NUMBER SECONDS
await_line()
{
	local deadline=$((SECONDS + $2))

	until [ "$(wc -l < "$printed")" -ge "$1" ]; do
		[ "$SECONDS" -lt "$deadline" ] || {
			echo "no line $1 in the program's output:"
			cat "$printed"
			return 1
		}
		sleep 0.2
	done
	sed -n "$1p" "$printed"
}

# ends PID: wait for the program and succeed if it exits with status 0. One that
# does not end in two minutes is killed, so that it fails and nothing else.
ends()
{
	local watchdog status=0

	(sleep 120 && kill -KILL "$1") < /dev/null > /dev/null 2>&1 &
	watchdog=$!
	wait "$1" || status=$?
	kill "$watchdog"
	return "$status"
}

# End of its input.
finish()
{
	exec {line_to_program}>&-
	ends "$pid"
}

# The bytes of the text on stdin in $encoding, in hexadecimal.
encode()
{
	iconv -f UTF-8 -t "${encoding:-UTF-8}" | od -An -v -tx1 | tr -d ' \n'
}

# find_bytes PID HEX [PERMISSIONS]: every address where these bytes are in memory
# with these permissions, by default rw-p.
find_bytes()
{
	local pattern range permissions rest start end offset

	# shellcheck disable=SC2001 # it can do no references
	pattern=$(sed 's/../\\x&/g' <<< "$2")
	while read -r range permissions rest; do
		[ "$permissions" = "${3:-rw-p}" ] || continue
		[[ $rest != *"[v"* ]] || continue
		start=$((16#${range%-*})) end=$((16#${range#*-}))
		cordbg read --quiet --output - "$1" "$start" $((end - start)) |
			LC_ALL=C grep -aboP -- "$pattern" |
		while IFS=: read -r offset _; do
			printf '%#x\n' $((start + offset))
		done || :
	done < "/proc/$1/maps"
}

# overwrite PID TEXT NEW: write NEW, as long as TEXT, wherever TEXT is. Prints the
# addresses; fails if there is none. A garbage collector may have given up the memory
# of a copy meanwhile, which is then refused and no matter.
overwrite()
{
	local old new address found=

	old=$(printf %s "$2" | encode)
	new=$(printf %s "$3" | encode)
	for address in $(find_bytes "$1" "$old"); do
		cordbg write --quiet "$1" "$address" "$new" || continue
		echo "wrote '$3' over '$2' at $address"
		found=$address
	done
	[ -n "$found" ]
}

# Breakpoints that the process has, of whatever session.
breakpoints()
{
	cordbg list --json "$1" | grep -c '"address"' || :
}
