#!/usr/bin/env python3
"""A switch of which every wire can be cut, slowed or made lossy, for hosts that are network namespaces.

    switch.py NAMESPACE=ADDRESS...

Gives each namespace a device `eth0` with its address of one /24, and carries the frames between them. Kernels that are
built small have no netem; this needs only /dev/net/tun and root. Orders come line by line on standard input, and each is
answered by a line once it holds; the end of the input is the end of the switch and of the devices.

    wire FROM TO DELAY_MS JITTER_MS LOSS_PERMILLE      one direction; LOSS 1000 is a cut
    calm                                               every wire as at the beginning
    count                                              frames carried, dropped, delayed

Addresses may lie in 127.0.0.0/8: programs that take plain http from this machine alone then take it from these hosts.
Frames of one direction of one wire overtake each other only where jitter makes them.
"""

import fcntl
import heapq
import os
import random
import selectors
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_BYTES_MAX = 2048
# Frames that wait at once: what is more is lost, as in a switch.
WAITING_MAX = 50_000
BROADCAST = b"\xff" * 6


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def open_port(number, namespace, address):
    """A device in the namespace; its frames are read and written here."""
    name = f"kst{os.getpid() % 100000}x{number}"
    port = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(port, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    mac = f"02:6b:73:00:00:{number:02x}"
    ip("link", "set", name, "netns", namespace, "address", mac)
    ip("-n", namespace, "link", "set", name, "name", "eth0")
    ip("-n", namespace, "link", "set", "lo", "up")
    # The whole of 127/8 belongs to `lo` at first; here it keeps its first address alone.
    ip("-n", namespace, "addr", "del", "127.0.0.1/8", "dev", "lo")
    ip("-n", namespace, "addr", "add", "127.0.0.1/32", "dev", "lo")
    for device in ("all", "eth0"):
        allow = f"echo 1 >/proc/sys/net/ipv4/conf/{device}/route_localnet"
        subprocess.run(["ip", "netns", "exec", namespace, "sh", "-c", allow], check=True)
    ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0", "scope", "global")
    ip("-n", namespace, "link", "set", "eth0", "up")
    return port, bytes.fromhex(mac.replace(":", ""))


class Switch:
    def __init__(self, hosts):
        self.names, self.ports, self.macs = [], [], {}
        for number, (namespace, address) in enumerate(hosts):
            port, mac = open_port(number, namespace, address)
            self.names.append(namespace)
            self.ports.append(port)
            self.macs[mac] = number
        self.wires = {}
        self.waiting = []
        self.turn = 0
        self.carried = self.dropped = self.delayed = 0

    def frame(self, source, frame):
        to = self.macs.get(frame[:6])
        if to is not None:
            self.pass_on(source, to, frame)
        elif frame[0] & 1 and frame[:6] == BROADCAST:
            for other in range(len(self.ports)):
                if other != source:
                    self.pass_on(source, other, frame)

    def pass_on(self, source, to, frame):
        wire = self.wires.get((source, to))
        if wire is None:
            self.write(to, frame)
            return
        delay, jitter, loss = wire
        if loss and random.randrange(1000) < loss or len(self.waiting) >= WAITING_MAX:
            self.dropped += 1
            return
        self.delayed += 1
        self.turn += 1
        due = time.monotonic() + (delay + random.uniform(0, jitter)) / 1000
        heapq.heappush(self.waiting, (due, self.turn, to, frame))

    def write(self, to, frame):
        try:
            os.write(self.ports[to], frame)
            self.carried += 1
        except OSError:  # The host's queue is full, or the host has gone.
            self.dropped += 1

    def overdue(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _due, _turn, to, frame = heapq.heappop(self.waiting)
            self.write(to, frame)
        return max(0.0, self.waiting[0][0] - now) if self.waiting else None

    def order(self, line):
        words = line.split()
        if words[:1] == ["wire"] and len(words) == 6:
            ends = tuple(self.names.index(name) for name in words[1:3])
            values = tuple(int(word) for word in words[3:])
            if any(values):
                self.wires[ends] = values
            else:
                self.wires.pop(ends, None)
            return "done"
        if words == ["calm"]:
            self.wires.clear()
            return "done"
        if words == ["count"]:
            return f"{self.carried} {self.dropped} {self.delayed}"
        return f"unknown: {line}"

    def run(self):
        look = selectors.DefaultSelector()
        for number, port in enumerate(self.ports):
            look.register(port, selectors.EVENT_READ, number)
        orders = sys.stdin.fileno()
        os.set_blocking(orders, False)
        look.register(orders, selectors.EVENT_READ, None)
        rest = b""
        while True:
            for key, _events in look.select(self.overdue()):
                if key.data is not None:
                    self.frames(key.data)
                    continue
                read = os.read(orders, 65536)
                if not read:
                    return
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    print(self.order(line.decode()), flush=True)

    def frames(self, number):
        # A few at a time: no host keeps the others waiting.
        for _frame in range(16):
            try:
                self.frame(number, os.read(self.ports[number], FRAME_BYTES_MAX))
            except BlockingIOError:
                return
            except OSError:
                return


def main():
    hosts = [argument.split("=", 1) for argument in sys.argv[1:]]
    switch = Switch(hosts)
    print("ready", flush=True)
    switch.run()


if __name__ == "__main__":
    main()
