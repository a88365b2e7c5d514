/* SPDX-License-Identifier: MIT */
/*
 * Vectors by hand, from RFC 9000, section 16 and A.1, and from what relays and clients were seen to
 * send (wire.h).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "wire.h"
#include "wire_hex.h"

#define SETUP_ANSWER "21 0009 c0000000ff0dad02 00"
#define SUBSCRIBE    "02 17 43e8 07 'node/n1' 0b 'sess.json.z' 05"

/* What was written must be that; it is then begun anew. */
static void expect_out(struct wire_out *out, const char *text)
{
	assert_false(out->failed);
	wire_hex_expect(out->data, out->len, text);
	wire_out_deinit(out);
}

static int read_message(const char *text, struct wire_message *m, uint8_t **bytes)
{
	size_t len;

	*bytes = wire_hex(text, &len);
	return wire_read(*bytes, len, m);
}

static void expect_no_message(const char *text)
{
	struct wire_message m = { .stream = 77 };
	uint8_t *bytes;

	assert_int_equal(read_message(text, &m, &bytes), -EBADMSG);
	assert_int_equal(m.stream, 77);
	free(bytes);
}

/* Integers of each size, at both ends of it. */
static const struct {
	uint64_t value;
	const char *text;
} integers[] = {
	{ 0, "00" },
	{ 37, "25" },
	{ 63, "3f" },
	{ 64, "4040" },
	{ 15293, "7bbd" },
	{ 16383, "7fff" },
	{ 16384, "80004000" },
	{ 494878333, "9d7f3e7d" },
	{ (UINT64_C(1) << 30) - 1, "bfffffff" },
	{ UINT64_C(1) << 30, "c000000040000000" },
	{ UINT64_C(151288809941952652), "c2197c5eff14e88c" },
	{ WIRE_VARINT_MAX, "ffffffffffffffff" },
};

static void integers_take_few_bytes(void **state)
{
	struct wire_out out = { 0 };
	struct wire_message m;
	uint8_t *bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
		char text[64];

		wire_put_varint(&out, integers[i].value);
		expect_out(&out, integers[i].text);
		snprintf(text, sizeof(text), "05 %s %s", integers[i].text, integers[i].text);
		assert_int_equal(read_message(text, &m, &bytes), 0);
		assert_int_equal(m.kind, WIRE_STOP);
		assert_int_equal(m.stream, integers[i].value);
		assert_int_equal(m.code, integers[i].value);
		free(bytes);
	}
	/* In more bytes than it takes it is the same. */
	assert_int_equal(read_message("04 4025 c000000000000001", &m, &bytes), 0);
	assert_int_equal(m.stream, 37);
	assert_int_equal(m.code, 1);
	free(bytes);
}

static void texts_have_their_length_before_them(void **state)
{
	struct wire_out out = { 0 };
	char text[70];

	(void)state;
	wire_put_text(&out, "", 0);
	wire_put_text(&out, "abc", 3);
	wire_put_text(&out, NULL, 0);
	expect_out(&out, "00 03 'abc' 00");
	assert_int_equal(wire_text_size(0), 1);
	assert_int_equal(wire_text_size(63), 64);
	assert_int_equal(wire_text_size(64), 66);
	assert_int_equal(wire_text_size(16384), 16388);
	memset(text, 'x', sizeof(text));
	wire_put_text(&out, text, sizeof(text));
	assert_int_equal(out.len, wire_text_size(sizeof(text)));
	assert_memory_equal(out.data, "\x40\x46xx", 4);
	wire_out_deinit(&out);
	wire_out_deinit(&out);
	wire_out_deinit(NULL);
	assert_null(out.data);
}

static void bytes_of_any_length_are_kept(void **state)
{
	struct wire_out out = { 0 };
	char text[1000];
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = i * 7;
	for (i = 0; n + i < sizeof(text); n += i++)
		wire_put(&out, text + n, i);
	assert_int_equal(out.len, n);
	assert_true(out.size >= n);
	assert_memory_equal(out.data, text, n);
	wire_put(&out, text + n, sizeof(text) - n);
	assert_memory_equal(out.data, text, sizeof(text));
	wire_out_deinit(&out);
}

static void messages_are_taken_apart(void **state)
{
	struct wire_message m;
	uint8_t *bytes;

	(void)state;
	assert_int_equal(read_message("08 05 'abc'", &m, &bytes), 0);
	assert_int_equal(m.kind, WIRE_STREAM);
	assert_int_equal(m.stream, 5);
	assert_false(m.fin);
	assert_int_equal(m.len, 3);
	assert_ptr_equal(m.data, bytes + 2);
	free(bytes);
	assert_int_equal(read_message("09 4041", &m, &bytes), 0);
	assert_int_equal(m.kind, WIRE_STREAM);
	assert_int_equal(m.stream, 65);
	assert_true(m.fin);
	assert_int_equal(m.len, 0);
	free(bytes);
	assert_int_equal(read_message("04 05 0d", &m, &bytes), 0);
	assert_int_equal(m.kind, WIRE_RESET);
	assert_int_equal(m.stream, 5);
	assert_int_equal(m.code, WIRE_NOT_FOUND);
	free(bytes);
	assert_int_equal(read_message("1d 4100 'shut down'", &m, &bytes), 0);
	assert_int_equal(m.kind, WIRE_CLOSE);
	assert_int_equal(m.code, 256);
	wire_hex_expect(m.data, m.len, "'shut down'");
	free(bytes);
	assert_int_equal(read_message("1c 07", &m, &bytes), 0);
	assert_int_equal(m.kind, WIRE_CLOSE);
	assert_int_equal(m.code, 7);
	assert_int_equal(m.len, 0);
	free(bytes);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char *const cut[] = { "",	    "08",	"09",
					   "04",    "04 05",	"05",
					   "05 05", "1c",	"1d",
					   "08 40", "09 80",	"04 40",
					   "05 c0", "04 05 40", "1d c0000000000000" };
	struct wire_message m;
	char text[16];
	unsigned int type;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++)
		expect_no_message(cut[i]);
	for (type = 0; type < 256; type++) {
		if ((type >= 4 && type <= 5) || (type >= 8 && type <= 9) ||
		    (type >= 0x1c && type <= 0x1d))
			continue;
		snprintf(text, sizeof(text), "%02x 00 00", type);
		expect_no_message(text);
	}
	assert_int_equal(wire_read(NULL, 0, &m), -EBADMSG);
}

static void heads_are_written(void **state)
{
	struct wire_out out = { 0 };
	uint8_t head[WIRE_HEAD_MAX];

	(void)state;
	wire_hex_expect(head, wire_write_head(head, 5, false), "08 05");
	wire_hex_expect(head, wire_write_head(head, 2, true), "09 02");
	wire_hex_expect(head, wire_write_head(head, 16386, true), "09 80004002");
	assert_int_equal(wire_write_head(head, WIRE_VARINT_MAX, false), WIRE_HEAD_MAX);
	wire_hex_expect(head, WIRE_HEAD_MAX, "08 ffffffffffffffff");
	wire_put_reset(&out, 66, WIRE_TOO_MANY);
	expect_out(&out, "04 4042 1a");
	wire_put_stop(&out, 5, WIRE_CANCEL);
	expect_out(&out, "05 05 00");
	wire_put_close(&out, 64, "bye");
	expect_out(&out, "1d 4040 'bye'");
	wire_put_close(&out, WIRE_CANCEL, "");
	expect_out(&out, "1d 00");
	assert_false(wire_relays(0) || wire_relays(2) || wire_relays(4) || wire_relays(6));
	assert_true(wire_relays(1) && wire_relays(3) && wire_relays(5) && wire_relays(7));
	assert_true(wire_one_way(2) && wire_one_way(3) && wire_one_way(6) && wire_one_way(7));
	assert_false(wire_one_way(0) || wire_one_way(1) || wire_one_way(4) || wire_one_way(5));
}

/* Of each length that the bytes may be cut to: `whole` once they are enough, and 0 before. */
static void expect_setup(const char *text, size_t enough, int whole)
{
	size_t len, i;
	uint8_t *bytes = wire_hex(text, &len);

	for (i = 0; i <= len; i++) {
		/* A copy of its own size, so that a byte too many is noticed. */
		uint8_t *cut = malloc(i ? i : 1);

		memcpy(cut, bytes, i);
		assert_int_equal(wire_read_setup(cut, i), i < enough ? 0 : whole);
		free(cut);
	}
	free(bytes);
}

static void setups_are_exchanged(void **state)
{
	struct wire_out out = { 0 };

	(void)state;
	wire_put_setup(&out);
	expect_out(&out, "20 000a 01 c0000000ff0dad02 00");
	expect_setup(SETUP_ANSWER, 12, 1);
	/* With parameters, and with what follows. */
	expect_setup("21 000c c0000000ff0dad02 01 00 01 '/' 'more'", 15, 1);
	expect_setup("4021 0009 c0000000ff0dad02 00", 13, 1);
	/* moq-lite-01, and moq-transport-14. */
	expect_setup("21 0009 c0000000ff0dad01 00", 12, -EPROTO);
	expect_setup("21 0009 c0000000ff00000e 00", 12, -EPROTO);
	expect_setup("21 0102 01 00", 259, 0);
	expect_setup("20 000a 01 c0000000ff0dad02 00", 1, -EBADMSG);
	expect_setup("4041", 2, -EBADMSG);
	expect_setup("21 0000", 3, -EBADMSG);
	expect_setup("21 0007 c0000000ff0dad02 00", 10, -EBADMSG);
}

static int read_request(const char *text, struct wire_request *r, uint8_t **bytes)
{
	size_t len;

	*bytes = wire_hex(text, &len);
	return wire_read_request(*bytes, len, r);
}

static void expect_request(const char *text, enum wire_ask ask, uint64_t id, const char *broadcast,
			   const char *track)
{
	struct wire_request r;
	uint8_t *bytes;

	assert_int_equal(read_request(text, &r, &bytes), 1);
	assert_int_equal(r.ask, ask);
	assert_int_equal(r.id, id);
	wire_hex_expect(r.broadcast.text, r.broadcast.len, broadcast);
	wire_hex_expect(r.track.text, r.track.len, track);
	free(bytes);
}

static void expect_no_request(const char *text, int err)
{
	struct wire_request r = { .id = 77 };
	uint8_t *bytes;

	assert_int_equal(read_request(text, &r, &bytes), err);
	assert_int_equal(r.id, 77);
	free(bytes);
}

static void requests_are_read(void **state)
{
	struct wire_request r;
	uint8_t *bytes;
	size_t len, i;

	(void)state;
	expect_request("01 01 00", WIRE_ANNOUNCES, 0, "", "");
	expect_request("01 07 06 '.stats' 'more'", WIRE_ANNOUNCES, 0, "'.stats'", "");
	expect_request(SUBSCRIBE, WIRE_SUBSCRIBE, 1000, "'node/n1'", "'sess.json.z'");
	expect_request("02 04 00 00 00 00", WIRE_SUBSCRIBE, 0, "", "");
	/* Without a priority, and with more than one. */
	expect_request("02 05 3f 01 'a' 01 'b'", WIRE_SUBSCRIBE, 63, "'a'", "'b'");
	expect_request("02 08 3f 01 'a' 01 'b' 00 00 00", WIRE_SUBSCRIBE, 63, "'a'", "'b'");
	/* Any bytes. */
	expect_request("01 04 03 00ff0a", WIRE_ANNOUNCES, 0, "00ff0a", "");
	expect_request("00", WIRE_OTHER, 0, "", "");
	expect_request("03 ffffff", WIRE_OTHER, 0, "", "");
	expect_request("ffffffffffffffff", WIRE_OTHER, 0, "", "");
	expect_request("c000000100000001 01 00", WIRE_OTHER, 0, "", "");
	/* As many bytes as it may have, and one more. */
	expect_no_request("01 80010000", 0);
	expect_no_request("01 80010001", -EMSGSIZE);
	expect_no_request("02 ffffffffffffffff", -EMSGSIZE);
	bytes = wire_hex(SUBSCRIBE, &len);
	for (i = 0; i < len; i++) {
		uint8_t *cut = malloc(i ? i : 1);

		memcpy(cut, bytes, i);
		assert_int_equal(wire_read_request(cut, i, &r), 0);
		free(cut);
	}
	free(bytes);
}

static void texts_end_in_their_request(void **state)
{
	(void)state;
	expect_no_request("01 00 00", -EBADMSG);
	expect_no_request("01 01 01 'a'", -EBADMSG);
	expect_no_request("01 02 02 'ab'", -EBADMSG);
	expect_no_request("01 01 40 01 'a'", -EBADMSG);
	expect_no_request("01 09 ffffffffffffffff 'a'", -EBADMSG);
	expect_no_request("02 00", -EBADMSG);
	expect_no_request("02 01 00 00 00", -EBADMSG);
	expect_no_request("02 02 00 00 00", -EBADMSG);
	expect_no_request("02 04 00 7f 'a' 00", -EBADMSG);
	expect_no_request("02 05 00 01 'a' 02 'b' 00", -EBADMSG);
	expect_no_request("02 02 c000 000000000000 00 00", -EBADMSG);
}

static void answers_are_written(void **state)
{
	struct wire_out out = { 0 };

	(void)state;
	wire_put_announces(&out, 1, wire_text_size(7));
	wire_put_text(&out, "node/n1", 7);
	expect_out(&out, "09 01 07 'node/n1'");
	wire_put_announces(&out, 0, 0);
	expect_out(&out, "01 00");
	wire_put_announces(&out, 64, 64);
	expect_out(&out, "4042 4040");
	wire_put_announce(&out, "node/n2", 7, true);
	wire_put_announce(&out, "node/n1", 7, false);
	wire_put_announce(&out, "", 0, true);
	expect_out(&out, "09 01 07 'node/n2' 09 00 07 'node/n1' 02 01 00");
	wire_put_subscribed(&out);
	expect_out(&out, "00");
	wire_put_group(&out, 0, 1000, 2);
	expect_out(&out, "00 03 00 43e8 02");
	wire_put_group(&out, 64, UINT64_C(1) << 40, 40000);
	expect_out(&out, "00 0a 4040 c000010000000000 80009c40");
	wire_put_subscribe(&out, 1000, "node/n1", 7, "sess.json.z");
	expect_out(&out, "02 17 43e8 07 'node/n1' 0b 'sess.json.z' 00");
}

/* All that can be written, of which some is long. */
static void write_all(struct wire_out *out)
{
	wire_put_setup(out);
	wire_put_announces(out, 1, 8);
	wire_put_announce(out, "node/n1", 7, true);
	wire_put_subscribed(out);
	wire_put_group(out, 1, 2, 3);
	wire_put_subscribe(out, 1, "a-name-which-is-so-long-that-it-takes-more-room", 47, "t");
	wire_put_text(out, "another-one-which-is-so-long-that-it-takes-more-room", 52);
	wire_put_reset(out, 1, 2);
	wire_put_stop(out, 1, 2);
	wire_put_close(out, 1, "why");
}

static void short_memory_is_told(void **state)
{
	struct wire_out out = { 0 }, whole = { 0 };
	size_t n, failed = 0;

	(void)state;
	assert_true(alloc_fail_works());
	write_all(&whole);
	assert_false(whole.failed);
	for (n = 1;; n++) {
		alloc_fail_arm(n);
		write_all(&out);
		if (!alloc_fail_disarm())
			break;
		failed++;
		/* What was put before it is there still, and nothing that follows it. */
		assert_true(out.failed);
		assert_true(out.len < whole.len);
		if (n > 2)
			assert_memory_equal(out.data, whole.data, out.len);
		wire_out_deinit(&out);
		assert_false(out.failed);
	}
	assert_false(out.failed);
	assert_int_equal(out.len, whole.len);
	assert_memory_equal(out.data, whole.data, whole.len);
	assert_true(failed >= 4);
	wire_out_deinit(&out);
	wire_out_deinit(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_take_few_bytes),
		cmocka_unit_test(texts_have_their_length_before_them),
		cmocka_unit_test(bytes_of_any_length_are_kept),
		cmocka_unit_test(messages_are_taken_apart),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(heads_are_written),
		cmocka_unit_test(setups_are_exchanged),
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(texts_end_in_their_request),
		cmocka_unit_test(answers_are_written),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
