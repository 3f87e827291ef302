// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text of a document, before and beside cJSON: RFC 8259 to the letter, with limits. cJSON takes "01", control characters in
 * strings and a BOM, and recurses as deep as the document says; nothing of that reaches it from here. Also finds the bytes of a value.
 */
#include "lib/json.h"

#include <errno.h>

#include "lib/util.h"

/* cJSON reads numbers through a buffer of 64 bytes. */
#define NUMBER_MAX 60

struct scan {
	const char *begin, *p, *end;
	const char *path; /* for messages */
	uint64_t objects; /* bit d: the container at depth d is an object */
	unsigned int depth;
	struct error *err;
};
_Static_assert(JSON_MAX_DEPTH < 64, "struct scan's bit per depth");

static int fail(const struct scan *s, const char *what)
{
	return error_set(s->err, EINVAL, "%s: not valid JSON at byte %zu: %s", s->path, (size_t)(s->p - s->begin) + 1, what);
}

static int peek(const struct scan *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

static bool take(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->p++;
	return true;
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* The four digits after \u; -1 when they are not there. */
static int take_hex4(struct scan *s)
{
	int ret = 0;

	if (s->end - s->p < 4)
		return -1;
	for (int i = 0; i < 4; i++, s->p++) {
		int c = *s->p | 0x20;

		if (!is_digit(*s->p) && (c < 'a' || c > 'f'))
			return -1;
		ret = ret * 16 + (is_digit(*s->p) ? *s->p - '0' : c - 'a' + 10);
	}
	return ret;
}

static int scan_unicode(struct scan *s)
{
	int high = take_hex4(s), low;

	if (high < 0)
		return fail(s, "\\u needs four hexadecimal digits");
	if (high == 0)
		return fail(s, "a NUL character is not allowed");
	if (high < 0xd800 || high > 0xdfff)
		return 0;
	if (high > 0xdbff || !take(s, '\\') || !take(s, 'u'))
		return fail(s, "half a surrogate pair");
	low = take_hex4(s);
	return low < 0xdc00 || low > 0xdfff ? fail(s, "half a surrogate pair") : 0;
}

static int scan_escape(struct scan *s)
{
	int c = peek(s);

	if (c <= 0 || !strchr("\"\\/bfnrtu", c))
		return fail(s, "an unknown escape in a string");
	s->p++;
	return c == 'u' ? scan_unicode(s) : 0;
}

static int scan_char(struct scan *s)
{
	size_t n = util_utf8(s->p, (size_t)(s->end - s->p));

	if (n == 0)
		return fail(s, "invalid UTF-8");
	if (*s->p == '\0')
		return fail(s, "a NUL character is not allowed");
	if (n == 1 && (unsigned char)*s->p < 0x20)
		return fail(s, "a control character in a string must be escaped");
	s->p += n;
	return 0;
}

static int scan_string(struct scan *s)
{
	int r = 0;

	if (!take(s, '"'))
		return fail(s, "a string in double quotes is expected");
	while (r == 0) {
		if (s->p == s->end)
			return fail(s, "a string without its end");
		if (take(s, '"'))
			return 0;
		r = take(s, '\\') ? scan_escape(s) : scan_char(s);
	}
	return r;
}

static bool take_digits(struct scan *s)
{
	const char *start = s->p;

	while (is_digit(peek(s)))
		s->p++;
	return s->p > start;
}

static int scan_number(struct scan *s)
{
	const char *start = s->p;

	take(s, '-');
	if (!take(s, '0') && !take_digits(s))
		return fail(s, "a value is expected");
	if (is_digit(peek(s)))
		return fail(s, "a number must not begin with 0");
	if (take(s, '.') && !take_digits(s))
		return fail(s, "a digit is expected after the point");
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		if (!take_digits(s))
			return fail(s, "a digit is expected in the exponent");
	}
	return s->p - start > NUMBER_MAX ? fail(s, "a number is too long") : 0;
}

static int scan_scalar(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };

	if (peek(s) == '"')
		return scan_string(s);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
			s->p += n;
			return 0;
		}
	}
	return scan_number(s);
}

static int scan_key(struct scan *s)
{
	int r;

	skip_space(s);
	r = scan_string(s);
	if (r < 0)
		return r;
	skip_space(s);
	return take(s, ':') ? 0 : fail(s, "':' is expected after a key");
}

static bool in_object(const struct scan *s)
{
	return s->objects >> s->depth & 1;
}

static char closing(const struct scan *s)
{
	return in_object(s) ? '}' : ']';
}

/* Goes into a container up to its first value. *ret_value = false: it is empty and left again. */
static int enter(struct scan *s, bool object, bool *ret_value)
{
	if (++s->depth > JSON_MAX_DEPTH)
		return error_set(s->err, E2BIG, "%s: nested deeper than %d levels", s->path, JSON_MAX_DEPTH);
	s->objects = (s->objects & ~(1ULL << s->depth)) | (uint64_t)object << s->depth;
	skip_space(s);
	*ret_value = !take(s, closing(s));
	if (!*ret_value)
		s->depth--;
	return *ret_value && object ? scan_key(s) : 0;
}

/* Behind a value: up to the next value of the same container, or out of what ends here. *ret_value = false: all is read. */
static int leave(struct scan *s, unsigned int outer, bool *ret_value)
{
	while (s->depth > outer) {
		skip_space(s);
		*ret_value = take(s, ',');
		if (*ret_value)
			return in_object(s) ? scan_key(s) : 0;
		if (!take(s, closing(s)))
			return fail(s, in_object(s) ? "',' or '}' is expected" : "',' or ']' is expected");
		s->depth--;
	}
	*ret_value = false;
	return 0;
}

/* One value, whatever is in it. No recursion: the depth is the document's. */
static int scan_value(struct scan *s)
{
	unsigned int outer = s->depth;
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		bool object;

		skip_space(s);
		object = take(s, '{');
		if (object || take(s, '[')) {
			r = enter(s, object, &more);
		} else {
			r = scan_scalar(s);
			more = false;
		}
		if (r == 0 && !more)
			r = leave(s, outer, &more);
	}
	return r;
}

static int scan_document(struct scan *s)
{
	int r = scan_value(s);

	if (r < 0)
		return r;
	skip_space(s);
	return s->p < s->end ? fail(s, "something follows the value") : 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_keys(const cJSON *object, const char *path, struct error *err)
{
	_cleanup_free_ const char **keys = NULL;
	const cJSON *member;
	size_t n = 0;

	keys = util_alloc((size_t)cJSON_GetArraySize(object), sizeof(*keys));
	cJSON_ArrayForEach (member, object)
		keys[n++] = member->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (util_streq(keys[i - 1], keys[i]))
			return error_set(err, EINVAL, "%s: key '%.64s' is given twice: keep one of them", path, keys[i]);
	return 0;
}

static int refuse_repeated_keys(const cJSON *value, const char *path, struct error *err)
{
	const cJSON *child;
	int r = cJSON_IsObject(value) ? check_keys(value, path, err) : 0;

	cJSON_ArrayForEach (child, value) {
		if (r < 0)
			return r;
		r = refuse_repeated_keys(child, path, err);
	}
	return r;
}

int json_parse(const char *text, size_t n, const char *path, cJSON **ret, struct error *err)
{
	struct scan s = { .begin = text, .p = text, .end = text + n, .path = path, .err = err };
	_cleanup_json_ cJSON *root = NULL;
	int r;

	if (n > JSON_MAX_BYTES)
		return error_set(err, E2BIG, "%s: %zu bytes are too many, at most %u", path, n, JSON_MAX_BYTES);
	r = scan_document(&s);
	if (r < 0)
		return r;
	root = cJSON_ParseWithLength(text, n);
	if (!root)
		return error_set(err, ENOMEM, "%s: out of memory while parsing", path);
	r = refuse_repeated_keys(root, path, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(root);
	return 0;
}

/* A key's text with its quotes; what is escaped in it is cJSON's to decode. */
static bool key_is(const char *quoted, size_t n, const char *key)
{
	_cleanup_json_ cJSON *decoded = NULL;

	if (!memchr(quoted, '\\', n))
		return n == strlen(key) + 2 && memcmp(quoted + 1, key, n - 2) == 0;
	decoded = cJSON_ParseWithLength(quoted, n);
	return cJSON_IsString(decoded) && util_streq(decoded->valuestring, key);
}

/* A member of an object: *ret_found, and where its value is. */
static int scan_member(struct scan *s, const char *key, bool *ret_found, const char **ret, size_t *ret_n)
{
	const char *quoted, *value;
	int r;

	skip_space(s);
	quoted = s->p;
	r = scan_string(s);
	if (r < 0)
		return r;
	*ret_found = key_is(quoted, (size_t)(s->p - quoted), key);
	skip_space(s);
	if (!take(s, ':'))
		return -EINVAL;
	skip_space(s);
	value = s->p;
	r = scan_value(s);
	if (r == 0 && *ret_found) {
		*ret = value;
		*ret_n = (size_t)(s->p - value);
	}
	skip_space(s);
	return r;
}

bool json_span(const char *text, size_t n, const char *key, const char **ret, size_t *ret_n)
{
	struct scan s = { .begin = text, .p = text, .end = text + n, .path = "" };
	bool found = false;

	skip_space(&s);
	if (!take(&s, '{'))
		return false;
	do {
		if (scan_member(&s, key, &found, ret, ret_n) < 0)
			return false;
	} while (!found && take(&s, ','));
	return found;
}
