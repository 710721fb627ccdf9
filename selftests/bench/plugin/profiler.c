// SPDX-License-Identifier: GPL-2.0
/*
 * A QEMU plugin: counts how often each instruction of the guest runs between the
 * marks of profile.c, and writes "SECTION ADDRESS COUNT" lines, the address in 16
 * hexadecimal digits, to the file given as out=FILE.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

int qemu_plugin_version = 1;

struct counter {
	struct counter *next;
	uint64_t address;
	uint64_t count;
};

#define BUCKETS	65536

static struct counter *buckets[BUCKETS];
static FILE *out;
static int section;

/* An instruction can be translated more than once. */
static struct counter *counter_of(uint64_t address)
{
	struct counter **bucket = &buckets[address / 2 % BUCKETS];
	struct counter *counter;

	for (counter = *bucket; counter; counter = counter->next)
		if (counter->address == address)
			return counter;
	counter = calloc(1, sizeof(*counter));
	if (!counter)
		abort();
	counter->address = address;
	counter->next = *bucket;
	*bucket = counter;
	return counter;
}

static void begin(unsigned int cpu, void *context)
{
	struct counter *counter;
	int i;

	(void)cpu;
	(void)context;
	for (i = 0; i < BUCKETS; i++)
		for (counter = buckets[i]; counter; counter = counter->next)
			counter->count = 0;
}

static void end(unsigned int cpu, void *context)
{
	const struct counter *counter;
	int i;

	(void)cpu;
	(void)context;
	for (i = 0; i < BUCKETS; i++)
		for (counter = buckets[i]; counter; counter = counter->next)
			if (counter->count)
				fprintf(out, "%d %016llx %llu\n", section,
					(unsigned long long)counter->address,
					(unsigned long long)counter->count);
	fflush(out);
	section++;
}

/* The last byte of a mark, or 0. */
static int mark(const struct qemu_plugin_insn *insn)
{
	static const uint8_t bytes[] = { 0x0f, 0x1f, 0x80, 0xdb, 0xc0, 0x0d };
	const uint8_t *data = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != sizeof(bytes) + 1 ||
	    memcmp(data, bytes, sizeof(bytes)))
		return 0;
	return data[sizeof(bytes)];
}

static qemu_plugin_insn_call *mark_call(const struct qemu_plugin_insn *insn)
{
	return mark(insn) == 1 ? begin : end;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_insn *insn;
	struct counter *counter;
	size_t i;

	(void)id;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		counter = counter_of(qemu_plugin_insn_vaddr(insn));
		qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64,
							   &counter->count, 1);
		if (mark(insn))
			qemu_plugin_register_vcpu_insn_exec_cb(insn,
							       mark_call(insn),
							       NO_REGS, NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
			char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fputs("profiler: give out=FILE\n", stderr);
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
