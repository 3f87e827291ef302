# SPDX-License-Identifier: GPL-2.0-only
"""
Sockets for answer.sh: a server of TCP (port 7000) and DNS (53, UDP and TCP), and clients that print in a word what became of them.

    serve LOG                      until killed; a line in LOG for each connection and query that arrives
    connect HOST...                'connected', 'refused' or 'timeout' each
    connections HOST N             N echoes, one after the other: 'ok', 'refused' or 'reset' each
    stream HOST up|down FILE       bulk until it breaks, or 64 MB are through; FILE exists once one is: 'reset', 'closed', 'timeout', 'done'
    ask HOST udp|tcp 'NAME TYPE [edns] [split]'...   each: 'server', the rcode of a kernel's answer, 'timeout', 'reset', or what is odd
    raw HOST HEX...                the same for any bytes over UDP
"""
import os
import socket
import struct
import sys
import threading

PORT, DNS = 7000, 53
LONGEST = int(os.environ.get("LONGEST", 1 << 40))
TYPES = {"A": 1, "NS": 2, "MX": 15, "TXT": 16, "AAAA": 28, "HTTPS": 65, "ANY": 255}


def listener(kind, port):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


def log(file, word):
    file.write(word + "\n")
    file.flush()


def serve_stream(s, file):
    log(file, "connection")
    try:
        mode = s.recv(1)
        while mode == b"d":
            s.sendall(bytes(65536))
        while mode == b"e" and (data := s.recv(100)):
            s.sendall(data)
        while mode == b"u" and s.recv(65536):
            pass
    except OSError:
        log(file, "broken")
    s.close()


def answer_of(query):
    """NOERROR without records, the query as it came."""
    return query[:2] + b"\x81\x80" + query[4:]


def serve_tcp_dns(s, file):
    try:
        data = b""
        while more := s.recv(4096):
            data += more
            while len(data) >= 2 and len(data) >= 2 + (n := struct.unpack("!H", data[:2])[0]):
                log(file, "tcp")
                s.sendall(data[:2] + answer_of(data[2 : 2 + n]))
                data = data[2 + n :]
    except OSError:
        pass
    s.close()


def accept(s, handler, file):
    while True:
        threading.Thread(target=handler, args=(s.accept()[0], file), daemon=True).start()


def serve(name):
    with open(name, "a") as file:
        udp = listener(socket.SOCK_DGRAM, DNS)
        for port, handler in (PORT, serve_stream), (DNS, serve_tcp_dns):
            threading.Thread(target=accept, args=(listener(socket.SOCK_STREAM, port), handler, file), daemon=True).start()
        log(file, "ready")
        while True:
            query, who = udp.recvfrom(65535)
            log(file, "udp")
            udp.sendto(answer_of(query) if len(query) > 4 else query, who)


def open_to(host, port, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    s.settimeout(float(os.environ.get("TIMEOUT", "4")))
    s.connect((host, port))
    return s


def word_of(error):
    return {ConnectionRefusedError: "refused", ConnectionResetError: "reset", BrokenPipeError: "reset", TimeoutError: "timeout"}.get(
        type(error), repr(error)
    )


def words(what, arguments):
    for argument in arguments:
        try:
            yield what(argument)
        except OSError as e:
            yield word_of(e)


def connect(*hosts):
    return " ".join(words(lambda host: open_to(host, PORT).close() or "connected", hosts))


def echo(host):
    s = open_to(host, PORT)
    s.sendall(b"e" + b"hello")
    return "ok" if s.recv(5) == b"hello" else "closed"


def connections(host, n):
    return " ".join(words(echo, [host] * int(n)))


def stream(host, way, name):
    s, through = open_to(host, PORT), 0
    s.sendall(way[0].encode())
    while through < LONGEST:
        n = s.send(bytes(65536)) if way == "up" else len(s.recv(65536))
        if not n:
            return "closed"
        if through < 1 << 20 <= through + n:
            open(name, "w").close()
        through += n
    return "done"


def name_of(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def query_of(name, kind, edns):
    opt = b"\0\0\x29\x10\0\0\0\x80\0\0\x0c\0\x0a\0\x08COOKIE12" if edns else b""
    return b"\x12\x34\x01\x10" + struct.pack("!HHHH", 1, 0, 0, edns) + name_of(name) + struct.pack("!HH", TYPES[kind], 1) + opt


def verdict(query, answer, question):
    """Whose answer it is; the kernel's has the question as it was asked, and nothing else."""
    if len(answer) < 12 or answer[:2] != query[:2]:
        return "odd:" + answer.hex()
    _, flags, *counts = struct.unpack("!HHHHHH", answer[:12])
    if flags == 0x8180:
        return "server"
    if flags & 0xFFF0 == 0x8190 and counts == [1, 0, 0, 0] and answer[12:] == query[12:question]:
        return str(flags & 15)
    return "odd:" + answer.hex()


def exactly(s, n):
    data = b""
    while len(data) < n:
        if not (more := s.recv(n - len(data))):
            raise ConnectionResetError
        data += more
    return data


def ask_one(host, over, text):
    name, kind, *how = text.split()
    query = query_of(name, kind, "edns" in how)
    question = 12 + len(name_of(name)) + 4
    s = open_to(host, DNS, socket.SOCK_DGRAM if over == "udp" else socket.SOCK_STREAM)
    if over == "udp":
        s.send(query)
        return verdict(query, s.recv(65535), question)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # nothing is sent again afterwards
    length = struct.pack("!H", len(query))
    for part in (length, query) if "split" in how else (length + query,):
        s.sendall(part)
    return verdict(query, exactly(s, struct.unpack("!H", exactly(s, 2))[0]), question)


def ask(host, over, *texts):
    return " ".join(words(lambda text: ask_one(host, over, text), texts))


def raw_one(host, text):
    query = bytes.fromhex(text)
    s = open_to(host, DNS, socket.SOCK_DGRAM)
    s.send(query)
    return "server" if s.recv(65535) else "odd"


def raw(host, *texts):
    return " ".join(words(lambda text: raw_one(host, text), texts))


def main(verb, *args):
    try:
        print({"serve": serve, "connect": connect, "connections": connections, "stream": stream, "ask": ask, "raw": raw}[verb](*args))
    except OSError as e:
        print(word_of(e))


main(*sys.argv[1:])
