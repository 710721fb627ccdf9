# SPDX-License-Identifier: GPL-2.0
#
# jq -s -L . --argjson about OBJECT -f evaluate.jq LINES: what the bench has printed, in
# one run or several, with every ratio, and what it says of each target.

include "format";

def round3: . * 1000 | round / 1000;

# What a result is measured by: the least number of instructions, or the median.
def with_cost($mode):
	if $mode == "instructions" and .section == "scaling" then
		.cost = 1000000000 / .per_second
	elif .samples == null then .
	elif $mode == "instructions" then .cost = .min
	else .cost = .p50 | .spread = (.p75 - .p25) end;

# The lines of one run, which begins with its mode.
def run:
	(map(select(.fact) | {(.fact): .value}) | add) as $facts |
	{
		facts: $facts,
		unit: (if $facts.mode == "instructions" then "instructions"
		       else "nanoseconds" end),
		results: map(select(.section and (.omitted | not)) |
			     with_cost($facts.mode)),
		omitted: map(select(.omitted))
	};

def runs:
	reduce .[] as $line ([];
		if $line.fact == "mode" then . + [[$line]]
		else .[-1] += [$line] end) |
	map(run);

# What has to be equal in two results that are compared across routes.
def subject: [.section, .operation, .size, .place, .memory, .count, .state,
	      .others, .tools];

# cordbg against every other route.
def ratios:
	.facts.mode as $mode |
	[.results | map(select(.cost)) | group_by(subject)[] |
	 (.[] | select(.route == "cordbg")) as $ours |
	 .[] | select(.route != "cordbg") |
	 {run: $mode, section, operation, size, place, memory, count, state,
	  others, to: .route,
	  ratio: (if .cost > 0 then $ours.cost / .cost | round3
		  else null end)} |
	 with_entries(select(.value != null))];

def case_name:
	[.operation, (.size // empty | size_name), .memory, .place, .state] |
	map(select(.)) | join(" ");

# A target: the worst of the ratios it is about, and how many are above the limit. It
# is met only if all cases were measured.
def target($limit; $expected; $ratios):
	. as $text |
	($ratios | map(select(.ratio != null)) | sort_by(.ratio)) as $sorted |
	if $sorted == [] then {target: $text, $limit, verdict: "not measured"}
	else {
		target: $text,
		$limit,
		worst: $sorted[-1].ratio,
		at: $sorted[-1].name,
		best: $sorted[0].ratio,
		cases: ($sorted | length),
		$expected,
		above: ($sorted | map(select(.ratio > $limit)) | length),
		ratios: $sorted
	} | .verdict = (if .above > 0 then "not met"
			elif .cases < $expected then "not measured in full"
			else "met" end) end;

def against($ratios; $route; $least; $most):
	[$ratios[] |
	 select(.section == "transfer" and .to == $route and .size >= $least and
		.size <= $most) |
	 {ratio, name: case_name}];

# One value of a member against another, of results that are equal otherwise.
def growth($results; $section; $member; $few; $many):
	[$results | map(select(.section == $section)) |
	 group_by([.operation, .size])[] |
	 (.[] | select(.[$member] == $few)) as $before |
	 .[] | select(.[$member] == $many) |
	 {ratio: (.cost / $before.cost | round3), name: case_name}];

# Every result of a section against the one with the least breakpoints or tools.
def growths:
	.facts.mode as $mode |
	[.results | map(select(.cost or .per_second)) |
	 (map(select(.section == ("elsewhere", "existing", "inside")) |
	      .member = "breakpoints" | .value = .cost),
	  map(select(.section == "scaling") |
	      .member = "tools" | .value = (.cost // .per_second))) |
	 group_by([.section, .route, .operation, .size // 0])[] |
	 .[0].member as $member | sort_by(.[$member]) | .[0] as $first |
	 .[1:][] |
	 {run: $mode, section, route, operation, size, of: .[$member],
	  to: $first[$member], ratio: (.value / $first.value | round3)} |
	 with_entries(select(.value != null))];

def inserted($results; $ours; $theirs):
	def cost($route): $results[] |
		select(.section == "insert" and .count == 10000 and
		       .operation == "set" and .route == $route) | .cost;
	[{ratio: (cost($ours) / cost($theirs) | round3), name: "set 10,000"}];

def bytes_each($results):
	[$results[] | select(.section == "memory") |
	 {ratio: .bytes, name: "\(.state): \(.caches)"}];

# Instructions per operation of four tools against those of one.
def crowding($results):
	[$results[] | select(.section == "scaling" and .route == "cordbg" and
			     .cost and .tools == 4) | . as $four |
	 $results[] | select(.section == "scaling" and .route == "cordbg" and
			     .operation == $four.operation and .tools == 1) |
	 {ratio: ($four.cost / .cost | round3), name: .operation}];

# How much more a processor gives four tools that only copy, against how much more it
# gives those that use cordbg. It is not said where copying itself varied by half.
def scaling($results):
	def quiet:
		any($results[]; .section == "scaling" and .route == "memcpy" and
			.rounds > 1) and
		all($results[] | select(.section == "scaling" and
					.route == "memcpy");
			.per_second > .per_second_high / 2);
	def speedup($route; $operation):
		$results[] | select(.section == "scaling" and
				    .route == $route and .tools == 4 and
				    .operation == $operation and .rounds > 1) |
		.speedup;
	[select(quiet) |
	 ("write", "set and clear", "attach and close") as $operation |
	 {ratio: (speedup("memcpy"; "write") /
		  speedup("cordbg"; $operation) | round3),
	  name: $operation}];

def shared_locks($results):
	[$results[] | select(.section == "locks" and
			     .state == "processes of their own") |
	 {ratio: .shared,
	  name: (.operation + (if .by then ", by \(.by)" else "" end))}];

def targets($counted; $timed):
	($counted | ratios) as $ratios |
	$counted.results as $results |
	[
		("1, 8 and 64 B, to process_vm" | target(0.95; 64;
			against($ratios; "process_vm"; 1; 64))),
		("1, 8 and 64 B, to /proc/PID/mem" | target(0.75; 64;
			against($ratios; "proc_mem"; 1; 64))),
		("4 KiB, to process_vm" | target(0.95; 16;
			against($ratios; "process_vm"; 4096; 4096))),
		("64 KiB to 64 MiB, to process_vm" | target(1.0; 48;
			against($ratios; "process_vm"; 65536; 67108864))),
		("10,000 breakpoints elsewhere, to none" | target(1.05; 12;
			growth($results; "elsewhere"; "breakpoints"; 0; 10000))),
		("100,000 breakpoints, to 100" | target(1.5; 3;
			growth($results; "existing"; "breakpoints"; 100;
			       100000))),
		("write of 1 MiB over 1,000 breakpoints, to none" | target(1.5; 1;
			growth($results | map(select(.operation == "write" and
						     .size == 1048576));
			       "inside"; "breakpoints"; 0; 1000))),
		("attach, to open of /proc/PID/mem" | target(3; 2;
			[$ratios[] | select(.section == "attach" and
					    .operation == "open" and
					    .to == "proc_mem") |
			 {ratio, name: case_name}])),
		("10,000 breakpoints in a batch, to ptrace" | target(0.05; 1;
			inserted($results; "cordbg batch"; "ptrace"))),
		("10,000 breakpoints in a batch, to single calls" | target(0.25; 1;
			inserted($results; "cordbg batch"; "cordbg"))),
		("bytes of memory per breakpoint" | target(128; 1;
			bytes_each($results))),
		("locks shared with a session on another process" | target(0; 7;
			shared_locks($results))),
		("instructions per call, four tools on four processes to one" |
		 target(1.05; 3; crowding($results))),
		("four tools on four processes, memcpy's speedup to cordbg's" |
		 target(1.1; 3; scaling($timed.results)) |
		 if .cases == null and
		    any($timed.results[]; .section == "scaling" and .rounds > 1)
		 then .verdict = "the machine was too busy to say" else . end)
	];

runs as $runs |
($runs | map(select(.facts.mode == "instructions"))[0] // $runs[0]) as $counted |
($runs | map(select(.facts.mode != "instructions"))[0] // $runs[0]) as $timed |
$about + {
	runs: $runs,
	ratios: ($runs | map(ratios) | add),
	growth: ($runs | map(growths) | add),
	targets: targets($counted; $timed)
}
