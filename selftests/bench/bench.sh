# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts of the bench, after common.sh of the test machine.

# shellcheck disable=SC2154 # common.sh, which is sourced first, has it
source=$top/selftests/bench
# shellcheck disable=SC2154
bench=$build/bench
lines=$bench/results.jsonl

compile()
{
	mkdir -p "$bench/tree/bench"
	gcc -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -pthread \
		-static -I"$top/selftests" -I"$top/uapi" \
		-o "$bench/tree/bench/bench" "$source"/*.c
}

# guest_image SERIES: what the test machine boots with.
guest_image()
{
	make -s -C "$top/selftests/vm" modules KERNEL="$1"
	compile
	cp "$source/guest" "$bench/tree/bench/"
	"$top/selftests/vm/initramfs" "$build/vm/bench-$1.initramfs" \
		"$build/module/$1/module/cordbg.ko" "$bench/tree"
}

# guest_run SERIES MODE: its JSON lines; fails if the machine or the bench did.
# $SECTIONS, if not empty, names what is measured.
guest_run()
{
	local log=$build/vm/bench-$1-$2

	say "booting Linux $(cat "$build/kernels/$1/release") to measure $2"
	STALL=600 "$top/selftests/vm/boot" "$1" \
		"$build/vm/bench-$1.initramfs" "$log" cordbg_mode=run \
		"cordbg_command=\"/bench/guest $2 ${SECTIONS:-}\"" |
		grep --line-buffered '^{' || return
	grep -qx '#bench 0' "$log.report" ||
		die "the bench failed: $(grep failed "$log.report")"
}

# Say what is being measured now.
progress()
{
	jq --unbuffered -nr 'foreach (inputs | select(.section)) as $line (
		{};
		[$line | .section, .memory, .size // .count // .breakpoints] as
			$now |
		{now: $now, new: ($now != .now)};
		if .new then .now | map(select(. != null)) | join(" ")
		else empty end)' |
	while read -r now; do
		say "measured $now"
	done
}

processor_of_host()
{
	sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1
}

# evaluate COMMAND MACHINE: from the lines, the JSON file, the tables and the charts.
evaluate()
{
	local about mode

	about=$(jq -n --arg command "$1" --arg machine "$2" \
		--arg date "$(date -u '+%F %H:%M UTC')" \
		--arg commit "$(git -C "$top" describe --always --dirty \
				2>/dev/null)" \
		'{$command, $date, $commit, $machine}')
	jq -s -L "$source" --argjson about "$about" -f "$source/evaluate.jq" "$lines" \
		> "$bench/bench.json"
	jq -r -L "$source" -f "$source/table.jq" "$bench/bench.json" \
		> "$bench/bench.md"
	jq -r -L "$source" -f "$source/readme.jq" "$bench/bench.json" \
		> "$bench/readme.md"
	# The charts are of everything.
	for mode in $(jq -r '.runs[].facts.mode' "$bench/bench.json"); do
		[ -n "${SECTIONS:-}" ] || chart "$mode"
	done
	cat "$bench/bench.md"
	say "wrote bench.{json,md}, readme.md and chart-*.{png,svg} in" \
		"${bench#"$top/"}"
}

# chart MODE
chart()
{
	local title unit=nanoseconds

	[ "$1" != instructions ] || unit=instructions
	title=$(jq -r --arg mode "$1" '.runs[] |
		select(.facts.mode == $mode) |
		"cordbg and others, Linux \(.facts.kernel), \($mode)"' \
		"$bench/bench.json")
	jq -r --arg mode "$1" -f "$source/chart.jq" "$bench/bench.json" \
		> "$bench/chart-$1.dat"
	gnuplot -e "data = '$bench/chart-$1.dat'; out = '$bench/chart-$1'" \
		-e "unit = '$unit'; title = '$title'" "$source/chart.gnuplot"
}
