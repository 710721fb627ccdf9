# SPDX-License-Identifier: GPL-2.0
#
# jq -r -L . -f table.jq bench.json: the results as text, in tables of Markdown.

include "format";

# The costs of the routes in a group of results.
def costs: map({(.route): .cost}) | add;
def in_order($costs): routes | map($costs[.] | grouped);

def transfers:
	"### Write and read, private memory", "",
	(["size", "place", "call"] + names + ["to process_vm", "to mem"] | head),
	([.[] | select(.section == "transfer" and .memory == "private")] |
	 group_by([.place, .operation == "read", .size])[] |
	 costs as $c | .[0] |
	 [(.size | size_name), .place, .operation] + in_order($c) +
	 [($c.cordbg | by($c.process_vm)), ($c.cordbg | by($c.proc_mem))] | row),
	"";

def kinds: ["private", "shared", "thp", "hugetlb"];

def memories:
	"### cordbg to process_vm, by the kind of memory", "",
	(["size", "place", "call"] + kinds | head),
	([.[] | select(.section == "transfer")] |
	 group_by([.place, .operation == "read", .size])[] |
	 . as $results | .[0] |
	 [(.size | size_name), .place, .operation] +
	 (kinds | map(. as $kind |
		[$results[] | select(.memory == $kind)] | costs |
		if . then .cordbg as $c | .process_vm as $p | $c | by($p)
		else "-" end)) |
	 row),
	"";

def beside:
	"### Write and read with breakpoints", "",
	(["size", "breakpoints", "where", "write", "read", "write, to none",
	  "read, to none"] | head),
	([.[] | select(.section == "elsewhere" or .section == "inside")] |
	 group_by([.section, .size])[] |
	 (map(select(.breakpoints == 0) | {(.operation): .cost}) | add) as $none |
	 group_by(.breakpoints)[] |
	 (map({(.operation): .cost}) | add) as $c | .[0] |
	 [(.size | size_name), (.breakpoints | grouped), .section,
	  ($c.write | grouped), ($c.read | grouped),
	  ($c.write | by($none.write)), ($c.read | by($none.read))] | row),
	"";

def inserters:
	[.[] | select(.section == "insert") | .route] |
	reduce .[] as $r ([]; if index($r) then . else . + [$r] end);

def insertions:
	inserters as $inserters |
	"### Set and clear, per breakpoint", "",
	(["breakpoints", "call"] + $inserters + ["cordbg to ptrace"] | head),
	([.[] | select(.section == "insert")] |
	 group_by([.count, .operation == "clear"])[] |
	 costs as $c | .[0] |
	 [(.count | grouped), .operation] +
	 ($inserters | map($c[.] | grouped)) +
	 [$c.cordbg | by($c.ptrace)] | row),
	"";

def lists:
	"### One breakpoint among many", "",
	(["there already", "set", "clear", "look-up"] | head),
	([.[] | select(.section == "existing")] |
	 group_by(.breakpoints)[] |
	 (map({(.operation): .cost}) | add) as $c |
	 [(.[0].breakpoints | grouped),
	  ($c | .set, .clear, .lookup | grouped)] | row),
	"";

def memory:
	"### Memory that a breakpoint takes, of 100,000", "",
	(["the tool's memory is", "bytes", "in the caches"] | head),
	(.[] | select(.section == "memory") | [.state, .bytes, .caches] | row),
	"";

def locks:
	if any(.section == "locks") then
		"### Locks that the module takes", "",
		(["call", "sessions on", "locks", "shared by both",
		  "one is taken by"] | head),
		(.[] | select(.section == "locks") |
		 [.operation, .state, .locks, .shared, .by // "-"] | row),
		""
	else empty end;

def faults:
	[.[] | select(.section == "faults")] |
	if . == [] then empty
	else "The checks have found \(length) planted errors: "
	     + (map(.operation) | join(", ")) + ".", "" end;

def attaches:
	"### Beginning and ending", "",
	(["call", "session"] + names[:4] | head),
	([.[] | select(.section == "attach")] |
	 group_by([.state != "first", .operation == "close"])[] |
	 costs as $c | .[0] |
	 [.operation, .state] + in_order($c)[:4] | row),
	"";

def contention:
	if any(.section == "contention") then
		"### A write of 8 B while others work on the process", "",
		(["route", "others", "their work", "50 %", "90 %", "99 %",
		  "99.9 %", "most"] | head),
		(.[] | select(.section == "contention") |
		 [.route, .others, .state,
		  (.p50, .p90, .p99, .p999, .max | grouped)] | row),
		""
	else empty end;

def scaling:
	if any(.section == "scaling") then
		"### Calls per second or 1,000,000,000 instructions, each tool "
		+ "on a process of its own", "",
		(["route", "call", "1 tool", "2 tools", "4 tools",
		  "least and most of 4", "4 to 1"] | head),
		([.[] | select(.section == "scaling")] |
		 group_by([.operation, .route])[] |
		 (map({("\(.tools)"): .}) | add) as $n | .[0] |
		 [.route, .operation, ($n["1", "2", "4"].per_second | grouped),
		  ($n["4"] | "\(.per_second_low | grouped) to \(
			.per_second_high | grouped)"),
		  $n["4"].speedup] | row),
		""
	else empty end;

def spread:
	[.[] | select(.spread and .section == "transfer" and .cost > 0) |
	 .spread / .cost] | sort |
	if . == [] then empty
	else "Half of the samples lie within \(.[length / 2 | floor] * 100 | round) % "
	     + "of the median, in the middle one of \(length) cases.", "" end;

def one_run:
	"## Cost in \(.unit), Linux \(.facts.kernel), \(.facts.processors) "
	+ "processor(s)", "",
	(.results | transfers, memories, beside, insertions, lists, memory,
	 attaches, contention, scaling, locks, spread, faults);

"# cordbg \(.commit): \(.command), \(.date)", "",
"\(.machine)", "",
(.runs[] | one_run),
"## Targets", "", target_rows, "",
"Where the instructions go, function by function: make bench-profile."
