# SPDX-License-Identifier: GPL-2.0-only
#
# What names.sh needs of a resolver and of a pod's programs, as small as can be (python3 -SE starts it fast):
#
#     names.py serve ZONE ADDRESS...       answers over UDP from ZONE, which is read anew for every question
#     names.py ask SERVER NAME[/TYPE][@ID] ... asks from one port, the ID chosen or 1, 2, ...; prints how many bytes each answer has
#     names.py pool ADDRESS PORT           connects when it has a line; each line of standard input goes there and back; prints 'ok'
#     names.py echo ADDRESS PORT           the other end of it
#
# ZONE has a line a name: NAME TTL STYLE ADDRESS... where an address is a CNAME if it is none. STYLE is one of styles[] or 'plain'.
import socket
import struct
import sys


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def packed(address):
    for family, kind in ((socket.AF_INET, 1), (socket.AF_INET6, 28)):
        try:
            return kind, socket.inet_pton(family, address)
        except OSError:
            pass
    return 5, wire(address)


def record(owner, kind, ttl, data, length=None):
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data) if length is None else length) + data


def plain(question, ttl, addresses, owner=b"\xc0\x0c"):
    return 0x8180, 1, len(addresses), question, b"".join(record(owner, k, ttl, d) for k, d in addresses)


def uncompressed(question, ttl, addresses):
    return plain(question, ttl, addresses, question[:-4])


# Each owner's last label is a pointer, as many servers write it.
def half(question, ttl, addresses):
    return plain(question, ttl, addresses, b"\x01x\xc0\x0e")


def swapped(question, ttl, addresses):  # letters of the other case
    return plain(question.swapcase(), ttl, addresses)


def nxdomain(question, ttl, addresses):
    return (0x8183,) + plain(question, ttl, addresses)[1:]


def query(question, ttl, addresses):  # looks like a question
    return (0x0100,) + plain(question, ttl, addresses)[1:]


def update(question, ttl, addresses):  # another opcode
    return (0xA980,) + plain(question, ttl, addresses)[1:]


def two(question, ttl, addresses):
    flags, _, answers, _, records = plain(question, ttl, addresses)
    return flags, 2, answers, question + question, records


def none(question, ttl, addresses):  # no question
    flags, _, answers, _, records = plain(question, ttl, addresses)
    return flags, 0, answers, b"", records


def few(question, ttl, addresses):  # counts none of its records
    flags, n, _, question, records = plain(question, ttl, addresses)
    return flags, n, 0, question, records


def many(question, ttl, addresses):  # counts more than it has
    flags, n, _, question, records = plain(question, ttl, addresses)
    return flags, n, 65535, question, records


def loop(question, ttl, addresses):  # the owner points to itself
    return plain(question, ttl, addresses, struct.pack("!H", 0xC000 | 12 + len(question)))


def outside(question, ttl, addresses):  # a pointer that leads behind the message
    return plain(question, ttl, addresses, b"\xff\xff")


def endless(question, ttl, addresses):  # an owner without an end
    return plain(question, ttl, addresses, b"\x3f" + b"a" * 63)


def reserved(question, ttl, addresses):  # a label type that does not exist
    return plain(question, ttl, addresses, b"\x80\x0c")


def labels(question, ttl, addresses):  # more labels than a name can have
    return plain(question, ttl, addresses, b"\x01a" * 400 + b"\0")


def long(question, ttl, addresses):  # the first record says that it is longer than all
    flags, n, answers, question, _ = plain(question, ttl, addresses)
    return flags, n, answers, question, record(b"\xc0\x0c", 16, ttl, b"", 60000) + plain(question, ttl, addresses)[4]


def short(question, ttl, addresses):  # an address of three bytes
    return 0x8180, 1, 1, question, record(b"\xc0\x0c", 1, ttl, addresses[0][1][:3])


def cut(question, ttl, addresses):  # ends in the middle of its address
    flags, n, answers, question, records = plain(question, ttl, addresses)
    return flags, n, answers, question, records[:-2]


def chaos(question, ttl, addresses):  # not of the Internet's class
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", k, 3, ttl, len(d)) + d for k, d in addresses)
    return 0x8180, 1, len(addresses), question, records


def first(question, ttl, addresses):  # 100 addresses of nobody, then these
    nobody = [packed(f"10.99.0.{i}") for i in range(100)]
    return plain(question, ttl, nobody + addresses)


styles = {
    f.__name__: f
    for f in (plain, uncompressed, half, swapped, nxdomain, query, update, two, none, few, many, loop, outside, endless, reserved, labels,
              long, short, cut, chaos, first)
}


def question_of(message):
    at, name = 12, []
    while message[at]:
        name.append(message[at + 1:at + 1 + message[at]].decode().lower())
        at += 1 + message[at]
    return ".".join(name), message[12:at + 5]


def answer(zone, message):
    """The answer and its style, or None for a name that is not answered."""
    name, question = question_of(message)
    kind = struct.unpack("!H", question[-4:-2])[0]
    for line in open(zone):
        words = line.split()
        if not words or words[0] != name:
            continue
        ttl, style = int(words[1]), words[2]
        addresses = [packed(a) for a in words[3:]]
        addresses = [a for a in addresses if a[0] in (kind, 5)]
        if style == "silent":
            return None, style
        # what is no style of a message is one of the way it takes
        flags, questions, answers, question, records = styles.get(style, plain)(question, ttl, addresses)
        return message[:2] + struct.pack("!HHHHH", flags, questions, answers, 0, 0) + question + records, style
    return message[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + question, "plain"


def raw(data, source, to, length):
    """An IPv4 datagram whose UDP header says 'length' bytes of data; more are behind it."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    udp = struct.pack("!HHHH", 53, to[1], 8 + length, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(to[0]))
    s.sendto(ip + udp + data, (to[0], 0))


def bound(address, port, kind=socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    return s


def serve(zone, *addresses):
    import select

    sockets = {bound(a, 53): a for a in addresses}
    other_port = bound(addresses[0], 5353)
    print("ready", flush=True)
    while True:
        for s in select.select(list(sockets), [], [])[0]:
            message, peer = s.recvfrom(4096)
            data, style = answer(zone, message)
            if data is None:
                continue
            if style == "port":
                other_port.sendto(data, peer)
            elif style == "number":
                s.sendto(bytes([data[0] ^ 1]) + data[1:], peer)
            elif style == "behind":
                raw(data, sockets[s], peer, len(question_of(message)[1]) + 12)
            elif style == "address":
                next(o for o, a in sockets.items() if o is not s and (":" in a) == (":" in sockets[s])).sendto(data, peer)
            else:
                s.sendto(data, peer)


def ask(server, *names):
    s = bound("::" if ":" in server else "0.0.0.0", 0)
    s.settimeout(1)
    for i, name in enumerate(names):
        name, _, number = name.partition("@")
        name, _, kind = name.partition("/")
        question = wire(name) + struct.pack("!HH", {"": 1, "A": 1, "AAAA": 28}[kind], 1)
        s.sendto(struct.pack("!HHHHHH", int(number or i + 1), 0x0100, 1, 0, 0, 0) + question, (server, 53))
        try:
            print(len(s.recv(65536)), flush=True)
        except TimeoutError:
            print("no answer", flush=True)


def pool(address, port):
    s = None
    print("ready", flush=True)
    for line in sys.stdin:
        s = s or socket.create_connection((address, int(port)))
        s.sendall(line.encode())
        print("ok" if s.recv(100) else "closed", flush=True)


def echo(address, port):
    listener = bound(address, int(port), socket.SOCK_STREAM)
    listener.listen()
    print("ready", flush=True)
    while True:
        s, _ = listener.accept()
        while data := s.recv(100):
            s.sendall(data)


{"serve": serve, "ask": ask, "pool": pool, "echo": echo}[sys.argv[1]](*sys.argv[2:])
