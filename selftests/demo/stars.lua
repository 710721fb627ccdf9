-- SPDX-License-Identifier: GPL-2.0
-- The program that `make demo` works on. It knows nothing of cordbg: for every
-- number it reads it prints that many stars and its sign.

local sign = "This is the sign that the program's author hung out."

io.stdout:setvbuf("line")
for line in io.lines() do
	io.write(string.rep("*", tonumber(line)), " ", sign, "\n")
end
