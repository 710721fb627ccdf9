# SPDX-License-Identifier: GPL-2.0
#
# How numbers and tables are written.

def row: "| " + (map(tostring) | join(" | ")) + " |";
def head: row, (["---"] + (.[1:] | map("---:")) | row);

def size_name:
	if . >= 1048576 then "\(. / 1048576) MiB"
	elif . >= 1024 then "\(. / 1024) KiB"
	else "\(.) B" end;

# 1234567 as 1,234,567
def grouped:
	if . == null then "-"
	else round | tostring | until(test("^[0-9]{4}") | not;
		sub("(?<a>[0-9])(?<b>[0-9]{3})(?<c>,|$)"; "\(.a),\(.b)\(.c)"))
	end;

# a / b, to two digits
def by($b):
	if . == null or $b == null or $b == 0 then "-"
	else . / $b * 100 | round | tostring |
		if length < 3 then "0" * (3 - length) + . else . end |
		"\(.[:-2]).\(.[-2:])" end;

def routes: ["cordbg", "process_vm", "proc_mem", "ptrace", "memcpy"];
def names: ["cordbg", "process_vm", "/proc/PID/mem", "ptrace", "memcpy"];

# The targets, as lines of a table.
def target_rows:
	(["to", "at most", "worst", "best", "cases", "above", ""] | head),
	(.targets[] |
	 [.target, .limit, .worst // "-", .best // "-", .cases // 0,
	  .above // 0, if .verdict == "not met" then "not met: \(.at)"
		       else .verdict end] | row);
