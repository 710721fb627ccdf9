# SPDX-License-Identifier: GPL-2.0
#
# jq -r --arg mode MODE -f chart.jq bench.json: what chart.gnuplot draws of one
# run: blocks of columns, two empty lines apart.

def block($of; $series; $x):
	([$of] + $series | map(tojson) | join(" ")),
	(group_by(.[$x])[] | . as $results |
	 [.[0][$x]] +
	 ($series | map(. as $name |
		[$results[] | select(.name == $name) | .cost][0] // "?")) |
	 map(tostring) | join(" ")),
	"", "";

def routes: ["cordbg", "process_vm", "proc_mem", "ptrace", "memcpy"];

.runs[] | select(.facts.mode == $mode) | .results |
(map(select(.section == "transfer" and .memory == "private" and
	    .place == "aligned" and .operation == "write") | .name = .route) |
 block("size"; routes; "size")),
(map(select(.section == "insert" and .operation == "set") | .name = .route) |
 block("breakpoints"; routes[:4] + ["cordbg batch"]; "count")),
(map(select(.section == "existing") | .name = .operation) |
 block("breakpoints"; ["set", "clear", "lookup"]; "breakpoints"))
