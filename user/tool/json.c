// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands print with --json. */
#include <inttypes.h>
#include <stdlib.h>

#include "errors.h"
#include "json.h"
#include "symbols.h"
#include "text.h"

struct json_object *json_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "%#" PRIx64, address);
	return json_object_new_string(text);
}

/* As hexadecimal digits; NULL if there is no memory. */
struct json_object *json_bytes(const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	struct json_object *object;
	char *text = malloc(2 * size + 1);
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < size; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	object = json_object_new_string_len(text, 2 * size);
	free(text);
	return object;
}

/* Nothing is better than an empty name. JSON is UTF-8, which a path need not be. */
void json_add_text(struct json_object *object, const char *key, const char *text)
{
	char *safe = text_safe(text);

	if (safe && *safe)
		json_object_object_add(object, key, json_object_new_string(safe));
	free(safe);
}

/* An address, and what is there if that is known. */
void json_add_address(struct tool *tool, struct json_object *object, uint64_t address)
{
	char symbol[256];

	symbols_describe(tool, address, symbol, sizeof(symbol));
	json_object_object_add(object, "address", json_address(address));
	json_add_text(object, "symbol", symbol);
}

struct json_object *json_breakpoint(struct tool *tool,
				    const struct cordbg_breakpoint *breakpoint)
{
	struct json_object *object = json_object_new_object();

	json_add_address(tool, object, breakpoint->address);
	json_object_object_add(object, "original",
			       json_bytes(breakpoint->original, breakpoint->length));
	json_object_object_add(object, "planted",
			       json_object_new_boolean(breakpoint->flags &
						       CORDBG_BREAKPOINT_PLANTED));
	json_object_object_add(object, "mine",
			       json_object_new_boolean(breakpoint->flags &
						       CORDBG_BREAKPOINT_MINE));
	return object;
}

/* Those that touch a range. */
struct json_object *json_breakpoints(struct tool *tool,
				     const struct breakpoints *breakpoints,
				     uint64_t start, uint64_t end)
{
	struct json_object *array = json_object_new_array();
	const struct cordbg_breakpoint *b = breakpoints->list;
	size_t i;

	for (i = 0; i < breakpoints->count; i++, b++)
		if (b->address < end && b->address + b->length > start)
			json_object_array_add(array, json_breakpoint(tool, b));
	return array;
}

/* Print and free it: a status. */
int json_print(struct json_object *object)
{
	const char *text;

	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_SPACED |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		puts(text);
	json_object_put(object);
	return text ? STATUS_OK :
	       error_say(STATUS_NO_MEMORY, "%s", cordbg_strerror(-ENOMEM));
}
