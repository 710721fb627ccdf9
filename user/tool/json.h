/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands print with --json, by json-c. Addresses are strings: many
 * readers keep numbers in 53 bits.
 */
#ifndef CORDBG_JSON_H
#define CORDBG_JSON_H

#include <json-c/json.h>

#include "session.h"

struct json_object *json_address(uint64_t address);
struct json_object *json_bytes(const uint8_t *data, size_t size);
struct json_object *json_breakpoint(struct tool *tool,
				    const struct cordbg_breakpoint *breakpoint);
struct json_object *json_breakpoints(struct tool *tool,
				     const struct breakpoints *breakpoints,
				     uint64_t start, uint64_t end);
void json_add_text(struct json_object *object, const char *key, const char *text);
void json_add_address(struct tool *tool, struct json_object *object, uint64_t address);
int json_print(struct json_object *object);

#endif /* CORDBG_JSON_H */
