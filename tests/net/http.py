# SPDX-License-Identifier: GPL-2.0-only
"""
HTTP/1 as the tests of http faults need it: a server that answers in every way that the protocol has, and a client that checks what it
gets byte for byte and prints one word a request: the status, or what happened to the connection.

    http.py PORT    serves, and reads from standard input, a line each (what it prints ends with a line '.'):

    ask ADDRESS[,ADDRESS] PORT [OPTION...] METHOD:PATH[:BODY-BYTES]...    options: see Client
    picked SEED PERCENT N WORD-IF-HIT WORD-IF-NOT    what ask prints if requests 0..n-1 are decided by the seed
"""
import _socket as socket
import _thread
import os
import sys
import time
import zlib

import stats

BIG = 10_000_000


def body_of(path):
    """The body that a path has; the client computes it too."""
    if path.startswith("/big"):
        return (b"%08x" % zlib.crc32(path.encode()) * (BIG // 8 + 1))[:BIG]
    if path.startswith("/fake"):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 20
    return b"this is " + path.encode()


def sum_of(body):
    return b"%d bytes, %08x" % (len(body), zlib.crc32(body))


class Reader:
    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        got = self.sock.recv(1 << 20)
        self.data += got
        return bool(got)

    def head(self):
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                return None
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = dict((k.lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines[1:]))
        return lines[0], fields

    def exactly(self, n):
        parts, have = [self.data], len(self.data)
        while have < n:
            got = self.sock.recv(1 << 20)
            if not got:
                raise EOFError
            parts.append(got)
            have += len(got)
        data = b"".join(parts)
        self.data = data[n:]
        return data[:n]

    def chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.data:
                self.more()
            size, _, self.data = self.data.partition(b"\r\n")
            body += self.exactly(int(size, 16))
            self.exactly(2)
            if size == b"0":
                return body

    def to_end(self):
        while self.more():
            pass
        return self.data


# ---- server

def reply(method, path, version, body):
    """The bytes of a response, in the pieces in which they are sent."""
    line = f"{version} 200 OK\r\nServer: test\r\nX-Path: {path}\r\n".encode()
    body = body_of(path) if body is None else body
    if path.startswith("/204"):
        return [line.replace(b"200 OK", b"204 No Content") + b"\r\n"]
    if path.startswith("/empty"):
        return [line.replace(b"200 OK", b"204 No Content") + b"content-length:0\r\n\r\n"]
    if path.startswith("/304"):
        return [line.replace(b"200 OK", b"304 Not Modified") + b"Content-Length: 99\r\n\r\n"]
    if path.startswith("/chunked"):
        return [line + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n" % (len(body), body), b"0\r\n\r\n"]
    if version == "HTTP/1.0":
        return [line + b"\r\n" + body]
    head = line + b"X-Long: " + b"x" * 700 + b"\r\nCONTENT-length: %d\r\n\r\n" % len(body)
    if method == "HEAD":
        return [head]
    if path.startswith("/early"):
        return [line.replace(b"200 OK", b"103 Early Hints") + b"\r\n" + head + body]
    return [head, body] if path.startswith("/fake") else [head + body]


def respond(sock, reader):
    head = reader.head()
    if head is None:
        return False
    (method, path, version), fields = head[0].split(" "), head[1]
    if fields.get("expect") == "100-continue":
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = None
    if "content-length" in fields:
        body = sum_of(reader.exactly(int(fields["content-length"])))
    elif "transfer-encoding" in fields:
        body = sum_of(reader.chunks())
    pieces = reply(method, path, version, body)
    if "x-together" in fields:
        respond.held += b"".join(pieces)
        if b"\r\n\r\n" in reader.data:
            return True
        pieces, respond.held = [respond.held], b""
    for piece in pieces:
        sock.sendall(piece)
        if len(pieces) > 1:
            time.sleep(0.005)
    return version != "HTTP/1.0"


respond.held = b""


def connection(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = Reader(sock)
    try:
        while respond(sock, reader):
            pass
    except (OSError, EOFError):
        pass
    sock.close()


def serve(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", port))
    server.listen(128)
    print(".", flush=True)
    while True:
        fd, _ = server._accept()
        _thread.start_new_thread(connection, (socket.socket(fileno=fd),))


# ---- client

class Client:
    """
    Options: 'pipeline' sends all requests at once, 'together' asks the server to answer them in one piece, 'split' sends each request line and
    its headers apart, 'cut=BYTES' the first bytes and the rest, 'expect' waits for 100 Continue before a body, 'chunked' sends bodies so, 'version=HTTP/1.0', 'pause=FILE' waits behind the
    first request until FILE is there, having made FILE.reached; 'gap=SECONDS' between requests, 'timed' prints when each was sent and answered.
    """

    def __init__(self, address, port, words):
        self.options = {w.partition("=")[0]: w.partition("=")[2] for w in words if ":" not in w}
        self.requests = [w.split(":") for w in words if ":" in w]
        self.version = self.options.get("version", "HTTP/1.1")
        self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect((address, int(port)))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock)

    def pieces(self, method, path, size="0"):
        body = body_of("/big")[:int(size)]
        head = "Host: test\r\n"
        if "together" in self.options:
            head += "X-Together: yes\r\n"
        if "expect" in self.options and body:
            head += "Expect: 100-continue\r\n"
        if body and "chunked" in self.options:
            head += "Transfer-Encoding: chunked\r\n"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif body:
            head += f"Content-Length: {len(body)}\r\n"
        line = f"{method} {path} {self.version}\r\n"
        return [line.encode(), head.encode() + b"\r\n"] + ([body] if body else [])

    def send(self, request):
        pieces = self.pieces(*request)
        if "split" not in self.options:
            pieces = [pieces[0] + pieces[1]] + pieces[2:]
        if "cut" in self.options:
            cut = int(self.options["cut"])
            pieces = [pieces[0][:cut], pieces[0][cut:]] + pieces[1:]
        for i, piece in enumerate(pieces):
            if i + 1 == len(pieces) and len(pieces) > 1 and "expect" in self.options:
                line, _ = self.reader.head()
                assert line == "HTTP/1.1 100 Continue", line
            self.sock.sendall(piece)
            if "split" in self.options or "cut" in self.options:
                time.sleep(0.005)

    def receive(self, method, path, size="0"):
        while True:
            head = self.reader.head()
            if head is None:
                return "closed"
            line, fields = head
            if line.split(" ")[1] != "103":
                break
        status = line.split(" ")[1]
        assert fields["x-path"] == path, f"the response of {fields['x-path']} for {path}"
        want = sum_of(body_of("/big")[:int(size)]) if size != "0" else body_of(path)
        if method == "HEAD" or status in ("204", "304") or path.startswith("/empty"):
            return status
        if "transfer-encoding" in fields:
            got = self.reader.chunks()
        elif "content-length" in fields:
            got = self.reader.exactly(int(fields["content-length"]))
        else:
            got = self.reader.to_end()
        assert got == want, f"{path}: a body of {len(got)} bytes is not what was sent ({len(want)})"
        return status

    def ask(self):
        if "pipeline" in self.options:
            self.sock.sendall(b"".join(b"".join(self.pieces(*r)) for r in self.requests))
        for i, request in enumerate(self.requests):
            before = time.monotonic_ns()
            try:
                if "pipeline" not in self.options:
                    self.send(request)
                word = self.receive(*request)
            except ConnectionResetError:
                yield "reset"
                return
            yield f"{before} {time.monotonic_ns()} {word}\n" if "timed" in self.options else word
            self.pause(i)

    def pause(self, i):
        time.sleep(float(self.options.get("gap", 0)))
        if i == 0 and "pause" in self.options:
            open(self.options["pause"] + ".reached", "w").close()
            while not os.path.exists(self.options["pause"]):
                time.sleep(0.01)


def ask(addresses, port, *words):
    for address in addresses.split(","):
        client = Client(address, port, words)
        print(*client.ask())
        client.sock.close()


def picked(seed, percent, n, hit, miss):
    key, limit = stats.key_of(seed), stats.threshold(float(percent))
    print(*(hit if stats.draw(key, i, stats.GATE) < limit else miss for i in range(int(n))))


def main():
    _thread.start_new_thread(serve, (int(sys.argv[1]),))
    for line in sys.stdin:
        name, *words = line.split()
        try:
            {"ask": ask, "picked": picked}[name](*words)
        except Exception as e:
            print(f"{type(e).__name__}: {e}")
        print(".", flush=True)


if __name__ == "__main__":
    main()
