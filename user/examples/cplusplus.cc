// SPDX-License-Identifier: LGPL-2.1-or-later
/* From C++: a session that ends with its scope. */
#include <cordbg.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <unistd.h>

struct detach {
	void operator()(cordbg_process *process) const
	{
		cordbg_detach(process);
	}
};

using session = std::unique_ptr<cordbg_process, detach>;

static session attach(pid_t pid)
{
	cordbg_process *process;
	int error = cordbg_attach(pid, 0, &process);

	if (error)
		throw std::runtime_error(cordbg_strerror(error));
	return session(process);
}

template <typename type> static type read(const session &process, const type *address)
{
	type value;
	int error = cordbg_read_memory(process.get(),
				       reinterpret_cast<uintptr_t>(address),
				       sizeof(value), &value, nullptr);

	if (error)
		throw std::runtime_error(cordbg_strerror(error));
	return value;
}

static bool fails_at_null(const session &self)
{
	try {
		read(self, static_cast<const int *>(nullptr));
	} catch (const std::exception &exception) {
		std::printf("and at address 0 %s\n", exception.what());
		return true;
	}
	return false;
}

int main()
{
	static const int answer = 42;

	try {
		session self = attach(getpid());

		std::printf("the answer is %d\n", read(self, &answer));
		return fails_at_null(self) ? EXIT_SUCCESS : EXIT_FAILURE;
	} catch (const std::exception &exception) {
		std::fprintf(stderr, "%s\n", exception.what());
		return EXIT_FAILURE;
	}
}
