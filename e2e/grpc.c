// SPDX-License-Identifier: GPL-2.0-only
/*
 * One unary gRPC call over a Unix socket: the request message on stdin, the answer's on stdout, both as bytes.
 *
 *	grpc SOCKET /package.Service/Method SECONDS
 *
 * Exit: 0, 1 the server says no (its message is on stderr), 2 there was no answer. Static and small, since an emulated machine
 * starts large programs slowly.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Before each message: a byte, 0 for not compressed, and the length as four bytes, the highest first. */
#define PREFIX 5

struct bytes {
	char *data;
	size_t n;
};

struct call {
	int fd;
	struct bytes request, answer;
	size_t sent;
	char status[8], message[4096];
	bool closed;
};

static void append(struct bytes *b, const void *data, size_t n)
{
	b->data = realloc(b->data, b->n + n);
	if (!b->data)
		err(2, "grpc");
	memcpy(b->data + b->n, data, n);
	b->n += n;
}

static void read_request(struct bytes *b)
{
	char buffer[65536];
	ssize_t n;

	append(b, (char[PREFIX]){}, PREFIX);
	while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0)
		append(b, buffer, n);
	if (n < 0)
		err(2, "grpc: stdin");
	for (int i = 0; i < 4; i++)
		b->data[4 - i] = (char)((b->n - PREFIX) >> (8 * i));
}

static int connect_unix(const char *path, unsigned int seconds)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = seconds };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(to.sun_path))
		errx(2, "grpc: '%s' is too long for a socket", path);
	strcpy(to.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(2, "grpc: %s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t n, int flags, void *user)
{
	struct call *c = user;
	ssize_t r = send(c->fd, data, n, MSG_NOSIGNAL);

	(void)session;
	(void)flags;
	return r < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : r;
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *data, size_t n, uint32_t *flags,
		       nghttp2_data_source *source, void *user)
{
	struct call *c = user;
	size_t left = c->request.n - c->sent;

	(void)session;
	(void)stream;
	(void)source;
	n = n < left ? n : left;
	memcpy(data, c->request.data + c->sent, n);
	c->sent += n;
	if (c->sent == c->request.n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return n;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t n, void *user)
{
	struct call *c = user;

	(void)session;
	(void)flags;
	(void)stream;
	append(&c->answer, data, n);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n, const uint8_t *value,
		     size_t value_n, uint8_t flags, void *user)
{
	struct call *c = user;

	(void)session;
	(void)frame;
	(void)name_n;
	(void)flags;
	if (strcmp((const char *)name, "grpc-status") == 0)
		snprintf(c->status, sizeof(c->status), "%.*s", (int)value_n, (const char *)value);
	if (strcmp((const char *)name, "grpc-message") == 0)
		snprintf(c->message, sizeof(c->message), "%.*s", (int)value_n, (const char *)value);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *user)
{
	struct call *c = user;

	(void)session;
	(void)stream;
	(void)error;
	c->closed = true;
	return 0;
}

#define HEADER(n, v)                                                                       \
	{                                                                                  \
		(uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE \
	}

static nghttp2_session *begin(struct call *c, const char *path)
{
	const nghttp2_data_provider body = { .read_callback = on_read };
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;
	nghttp2_nv headers[] = {
		HEADER(":method", "POST"),         HEADER(":scheme", "http"), HEADER(":path", path),
		HEADER(":authority", "localhost"), HEADER("te", "trailers"),  HEADER("content-type", "application/grpc"),
	};

	if (nghttp2_session_callbacks_new(&callbacks))
		errx(2, "grpc: out of memory");
	nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	if (nghttp2_session_client_new(&session, callbacks, c) || nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0) ||
	    nghttp2_submit_request(session, NULL, headers, sizeof(headers) / sizeof(*headers), &body, NULL) < 0)
		errx(2, "grpc: out of memory");
	nghttp2_session_callbacks_del(callbacks);
	return session;
}

static void talk(struct call *c, nghttp2_session *session)
{
	uint8_t buffer[65536];
	ssize_t n;

	while (!c->closed) {
		if (nghttp2_session_send(session))
			err(2, "grpc: send");
		n = recv(c->fd, buffer, sizeof(buffer), 0);
		if (n == 0)
			errx(2, "grpc: the server went away");
		if (n < 0)
			errx(2, "grpc: %s", errno == EAGAIN ? "no answer in time" : strerror(errno));
		if (nghttp2_session_mem_recv(session, buffer, n) < 0)
			errx(2, "grpc: this is no HTTP/2");
	}
}

/* Messages are percent-encoded. */
static void decode(char *text)
{
	char *to = text, hex[3] = "";

	for (; *text; text++) {
		if (*text == '%' && text[1] && text[2]) {
			memcpy(hex, text + 1, 2);
			*to++ = (char)strtol(hex, NULL, 16);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

int main(int argc, char **argv)
{
	struct call c = {};

	if (argc != 4)
		errx(2, "usage: grpc SOCKET /package.Service/Method SECONDS");
	c.fd = connect_unix(argv[1], atoi(argv[3]));
	read_request(&c.request);
	talk(&c, begin(&c, argv[2]));
	if (strcmp(c.status, "0") != 0) {
		decode(c.message);
		fprintf(stderr, "%s: %s (gRPC status %s)\n", strrchr(argv[2], '/') + 1, c.message,
			*c.status ? c.status : "missing");
		return 1;
	}
	if (c.answer.n > PREFIX && write(STDOUT_FILENO, c.answer.data + PREFIX, c.answer.n - PREFIX) < 0)
		err(2, "grpc: stdout");
	return 0;
}
