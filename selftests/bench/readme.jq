# SPDX-License-Identifier: GPL-2.0
#
# jq -r -L . -f readme.jq bench.json: what README.md shows of it.

include "format";

def costs($route):
	map(select(.route == $route)) | .[0].cost;

def line($name; $results):
	[$name] + (routes | map(. as $route | $results | costs($route) |
				grouped)) +
	[($results | costs("cordbg") as $c | costs("process_vm") as $p |
	  $c | by($p))] | row;

def transfers:
	(("write", "read") as $operation |
	 (8, 4096, 65536, 1048576, 67108864) as $size |
	 line("\($operation) \($size | size_name)";
	      map(select(.section == "transfer" and .memory == "private" and
			 .place == "aligned" and .size == $size and
			 .operation == $operation))));

def thp:
	line("write 64 MiB of huge pages";
	     map(select(.section == "transfer" and .memory == "thp" and
			.place == "aligned" and .size == 67108864 and
			.operation == "write")));

def breakpoints:
	(("set", "clear") as $operation |
	 line("\($operation) a breakpoint, 10,000 in a row";
	      map(select(.section == "insert" and .count == 10000 and
			 .operation == $operation))));

# What is one line here has the name of another route there.
def batch:
	map(select(.section == "insert" and .count == 10000 and
		   .operation == "set")) |
	if any(.route == "cordbg batch") then
		line("set a breakpoint, 10,000 in a batch";
		     map(select(.route != "cordbg") |
			 if .route == "cordbg batch" then .route = "cordbg"
			 else . end))
	else empty end;

def attach:
	line("attach, or open";
	     map(select(.section == "attach" and .state == "first" and
			.operation == "open")));

"`\(.command)`, \(.date), Linux \(.runs[0].facts.kernel), \(.machine). "
+ "\(.runs[0].unit | ascii_upcase[:1] + .[1:]) per call:",
"",
(["", "cordbg", "process_vm", "/proc/PID/mem", "ptrace", "memcpy",
  "cordbg to process_vm"] | head),
(.runs[0].results | transfers, thp, breakpoints, batch, attach),
"",
target_rows
