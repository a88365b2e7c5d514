/* SPDX-License-Identifier: MIT */
/*
 * read_order.h - is an order of reading counters safe against guards that open and close meanwhile?
 */
#ifndef MOQSTAT_TESTS_READ_ORDER_H
#define MOQSTAT_TESTS_READ_ORDER_H

#include <stdbool.h>
#include <stddef.h>

/** The fields of one slot (enum moqstat_field, or moqstat_session_field) as they are read. */
struct read_order {
	const unsigned int *fields;
	size_t len;
	bool session;
};

/** Whether no pair of moments, at which a guard that bumps opens[i] and later opens[i] + 1 opens
 *  and closes between two reads, makes a counter come out closed beyond open: the snapshot then
 *  has nothing to hold back. Tries them all. */
bool read_order_is_safe(const struct read_order *order, const unsigned int *opens,
			size_t opens_len);

#endif /* MOQSTAT_TESTS_READ_ORDER_H */
