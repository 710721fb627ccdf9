# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the tests in the guest: breakpoints that come and go.

to_hex()
{
	od -An -v -tx1 | tr -d ' \n'
}

# bytes PID ADDRESS SIZE [OPTION...]: the program's bytes, in hexadecimal.
bytes()
{
	cordbg read --quiet --output - "${@:4}" "$1" "$2" "$3" | to_hex
}

# behind_breakpoint PID ADDRESS HEX: plant a breakpoint, write the code HEX behind
# it, and look at both; then take the breakpoint away. The program must not run
# that code meanwhile: it waits for input.
behind_breakpoint()
{
	local size=$((${#3} / 2)) session

	session=$(printf '%s\n' "break $2" "list" "write ${force---force} $2 $3" \
		"read $2 $size --output /tmp/own" \
		"read $2 $size --raw --output /tmp/raw" "clear $2" "list")
	rm -f /tmp/own /tmp/raw
	cordbg shell "$1" <<< "$session"
	prints "$3" to_hex < /tmp/own
	prints "cc${3:2}" to_hex < /tmp/raw
	prints "$3" bytes "$1" "$2" "$size" --raw
	prints 0 breakpoints "$1"
}

# digest PID ADDRESS SIZE [OPTION...]: of these bytes.
digest()
{
	cordbg read --quiet --output - "${@:4}" "$1" "$2" "$3" | sha256sum
}

# places START COUNT: so many addresses all over the code on stdin, which is at
# START. Go fills up with the breakpoint opcode, and there cordbg plants none.
places()
{
	perl -e '
		my ($start, $count) = @ARGV;
		local $/;
		my $code = <STDIN>;
		for my $i (0 .. $count - 1) {
			my $at = $i * int(length($code) / $count);
			$at++ while substr($code, $at, 1) eq "\xcc";
			print $start + $at, "\n";
		}' "$@"
}

# many_breakpoints PID MODULE COUNT: breakpoints all over the program's code, which
# a process that is stopped does not run, and none of them to be seen.
many_breakpoints()
{
	local start end addresses before

	IFS=- read -r start end < <(awk -v module="/$2" '
		$2 ~ /x/ && substr($6, length($6) - length(module) + 1) == module {
			print $1
			exit
		}' "/proc/$1/maps")
	start=$((16#$start)) end=$((16#$end))
	addresses=$(cordbg read --quiet --output - "$1" "$start" $((end - start)) |
		places "$start" "$3")
	# shellcheck disable=SC2064 # of now
	trap "kill -CONT $1" EXIT
	kill -STOP "$1"
	before=$(digest "$1" "$start" $((end - start)) --raw)
	# shellcheck disable=SC2086,SC2016 # a list; expanded in there
	cordbg break --quiet "$1" $addresses -- bash -euc '
		. ./checks.sh
		. ./program.sh
		. ./breakpoints.sh
		prints "$2" breakpoints "$1"
		test "$(digest "$1" "$3" "$4")" = "$5"
		test "$(digest "$1" "$3" "$4" --raw)" != "$5"
		' bash "$1" "$3" "$start" $((end - start)) "$before"
	prints 0 breakpoints "$1"
	test "$(digest "$1" "$start" $((end - start)) --raw)" = "$before"
}

# finishes NAME: it does so with status 0 at the end of its input.
finishes()
{
	if finish; then
		pass "$1: it finished clean"
	else
		# shellcheck disable=SC2154 # start has set it
		fail "$1: it finished clean" "$printed"
	fi
}

# answers EXPECTED [LINE]: that is what the program prints for its next line.
answers()
{
	prints "$1" give "${2:-next}"
}
