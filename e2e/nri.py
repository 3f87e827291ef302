#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# A plugin of NRI that does what upstream's hook-injector does: files of hooks.d are read, and their hooks go into containers with annotations,
# or of pods with annotations, that match.
#
#	e2e/nri.py SOCKET FILE...
#
# NRI is ttrpc on two connections over one socket: on the first the runtime calls us, on the second we call it, once. A frame of the socket is
# the connection's number, a length, and bytes; a message on a connection a length, a stream's number, type and flags, and a Request or
# Response. Of their protobuf messages only the fields that are needed are known here, by number.
import json
import re
import socket
import struct
import sys

PLUGIN, RUNTIME = 1, 2  # connections
REQUEST, RESPONSE = 1, 2
CREATE_CONTAINER = 1 << 3  # of the events that we want
STAGES = {"createRuntime": 2, "poststop": 6}


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return n, at


def fields(data):
    """Numbers and values of a message: integers, or bytes."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7}")
        yield tag >> 3, value


def get(data, number):
    return next((value for n, value in fields(data) if n == number), b"")


def annotations(message):  # of a PodSandbox or a Container
    return {get(entry, 1).decode(): get(entry, 2).decode() for n, entry in fields(message) if n == 6}


def matches(when, have):
    return any(re.search(key, k) and re.search(value, v) for key, value in when["annotations"].items() for k, v in have.items())


def adjust(files, request):
    """CreateContainerResponse."""
    have = annotations(get(request, 1)) | annotations(get(request, 2))
    hooks = b""
    for file in files:
        if not matches(file["when"], have):
            continue
        hook = field(1, file["hook"]["path"]) + b"".join(field(2, a) for a in file["hook"]["args"]) + field(4, field(1, file["hook"]["timeout"]))
        hooks += b"".join(field(STAGES[stage], hook) for stage in file["stages"])
    return field(1, field(5, hooks)) if hooks else b""


def answer(files, method, request):
    if method == "Configure":
        return field(2, CREATE_CONTAINER)
    return adjust(files, request) if method == "CreateContainer" else b""


class Trunk:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffers = {PLUGIN: b"", RUNTIME: b""}

    def take(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                sys.exit("nri.py: the runtime has closed the connection")
            data += more
        return data

    def send(self, connection, stream, kind, message):
        data = struct.pack(">IIBB", len(message), stream, kind, 0) + message
        self.socket.sendall(struct.pack(">II", connection, len(data)) + data)

    def messages(self):
        while True:
            connection, size = struct.unpack(">II", self.take(8))
            self.buffers[connection] += self.take(size)
            while len(data := self.buffers[connection]) >= 10:
                size, stream, kind, _ = struct.unpack(">IIBB", data[:10])
                if len(data) < 10 + size:
                    break
                self.buffers[connection] = data[10 + size:]
                yield connection, stream, kind, data[10:10 + size]


def main():
    files = [json.load(open(path)) for path in sys.argv[2:]]
    trunk = Trunk(sys.argv[1])
    trunk.send(RUNTIME, 1, REQUEST, field(1, "nri.pkg.api.v1alpha1.Runtime") + field(2, "RegisterPlugin") +
               field(3, field(1, "hooks") + field(2, "10")))
    for connection, stream, kind, message in trunk.messages():
        if connection == PLUGIN and kind == REQUEST:
            method = get(message, 2).decode()
            trunk.send(PLUGIN, stream, RESPONSE, field(2, answer(files, method, get(message, 3))))
            if method == "Synchronize":
                print("ready", flush=True)


main()
