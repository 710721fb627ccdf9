// SPDX-License-Identifier: GPL-2.0
// For each line, the answer of a method and a greeting.
using System;
using System.Runtime.CompilerServices;

class Program
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	static int Answer()
	{
		return 0x11223344;
	}

	static void Main()
	{
		string greeting = "the old greeting";

		while (Console.ReadLine() != null)
			Console.WriteLine("{0} {1}", Answer(), greeting);
	}
}
