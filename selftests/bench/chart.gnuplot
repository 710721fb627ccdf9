# SPDX-License-Identifier: GPL-2.0
#
# gnuplot -e 'data = FILE; unit = UNIT; out = FILE; title = TEXT' chart.gnuplot:
# what chart.jq has collected, as out.png and out.svg.

set datafile missing "?"
set key top left reverse Left noenhanced autotitle columnhead
set grid xtics ytics
set logscale xy
set format x "%.0s %c"
set format y "%.0s %c"
set style data linespoints
set pointsize 0.7

do for [kind in "png svg"] {
	if (kind eq "png") {
		set terminal pngcairo size 1500,560 font "sans,11"
	} else {
		set terminal svg size 1500,560 font "sans,11" background "white"
	}
	set output out.".".kind
	set multiplot layout 1,3 title title noenhanced

	set title "One write"
	set xlabel "bytes"
	set ylabel unit." per call"
	set logscale x 2
	set format x "%.0b %BB"
	plot for [i = 2:6] data index 0 using 1:i linewidth 2

	set title "Setting many breakpoints"
	set xlabel "breakpoints set"
	set ylabel unit." per breakpoint"
	set logscale x 10
	set format x "%.0s%c"
	set yrange [*:*]
	plot for [i = 2:6] data index 1 using 1:i linewidth 2

	set title "One breakpoint among many"
	set xlabel "breakpoints that are there"
	set ylabel unit." per call"
	unset logscale y
	set yrange [0:*]
	plot for [i = 2:4] data index 2 using 1:i linewidth 2

	set logscale y
	set yrange [*:*]
	unset multiplot
}
