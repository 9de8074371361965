#!/usr/bin/env python3
"""Power cuts under kido-store: nothing acknowledged may be lost, and the store must always open.

A disk image with a fresh ext4 is mounted through a loop device and `store-torture write` runs on it. At a random moment
the file system is stopped as a power failure would stop it: the ext4 shutdown call without flushing the journal. What had not
reached the image is gone. After a remount `store-torture check` compares the store with the acknowledgements, which lie on
another file system. Only those count that were written before the cut began.

Every store is cut again and again on the same file system, in three ways, by turns:

  writing      the cut falls among the appends
  recovering   a first cut, and then a second one while the store is being opened again
  rebuilding   the same, with the index taken away before, so that the second cut falls into the rebuild

It goes on until there were enough cuts, and enough of them before the store had finished opening.

Usage: power-cut.py STORE_TORTURE [--cuts N] [--seed N]
Exit status: 0 nothing lost, also when the machine cannot do it and says `skipped: why`; 1 otherwise.
The last line is one JSON object.
"""

import argparse
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHUTDOWN_REQUEST = 0x8004587D  # linux/fs.h: _IOR('X', 125, __u32)
SHUTDOWN_WITHOUT_LOG_FLUSH = 2
IMAGE_MIB = 768
CUTS_PER_DISK = 6  # then a fresh one, before it fills up
ENOUGH_WHILE_OPENING = 4
MOST_CUTS = 200  # more would mean that no moment of the opening can be hit
CHECK_LIMIT_S = 300  # a store that takes longer to open has failed
# The longest wait before the second cut: the opening alone takes some ten milliseconds, a rebuild a few hundred.
SECOND_CUT_S = {"recovering": 0.05, "rebuilding": 0.25}
WAYS = ("writing", *SECOND_CUT_S)


class Skipped(Exception):
    """This machine cannot cut the power."""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def require_machine():
    if os.geteuid() != 0:
        raise Skipped("not root")
    for tool in ("losetup", "mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            raise Skipped(f"{tool} is not installed")
    if not os.path.exists("/dev/loop-control"):
        raise Skipped("no loop devices")


class Disk:
    """An ext4 on a loop device whose power can be cut."""

    def __init__(self, work):
        self.image, self.mount_point, self.loop, self.mounted = work / "disk.img", work / "mnt", None, False
        self.mount_point.mkdir(exist_ok=True)

    def __enter__(self):
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_MIB << 20)
        try:
            self.loop = run("losetup", "--find", "--show", str(self.image))
            run("mkfs.ext4", "-q", "-F", self.loop)
            self.mount()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise Skipped(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
        return self

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", str(self.mount_point)], check=False)
        if self.loop:
            subprocess.run(["losetup", "--detach", self.loop], check=False)

    def mount(self):
        run("mount", self.loop, str(self.mount_point))
        self.mounted = True

    def cut(self):
        handle = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN_REQUEST, struct.pack("I", SHUTDOWN_WITHOUT_LOG_FLUSH))
        except OSError as error:
            raise Skipped(f"the file system cannot be shut down: {error}") from error
        finally:
            os.close(handle)

    def power_on(self):
        run("umount", str(self.mount_point))
        self.mounted = False
        self.mount()


class Bench:
    """One store on one disk, and what it has acknowledged."""

    def __init__(self, program, disk, work, chance):
        self.program, self.disk, self.chance = program, disk, chance
        self.store, self.acked, self.errors = disk.mount_point / "store", work / "acked", work / "errors"
        self.acked.write_bytes(b"")

    def torture(self, command):
        return [self.program, command, str(self.store), str(self.acked)]

    def write_until_cut(self, after_s):
        """Starts a writer, cuts the power, and keeps only the acknowledgements that were there before the cut.

        Returns whether the store was still being opened, and what else went wrong."""
        with open(self.errors, "wb") as errors:
            writer = subprocess.Popen(self.torture("write"), stdout=subprocess.DEVNULL, stderr=errors)
        try:
            time.sleep(after_s)
            ended = writer.poll()
            owed = self.acked.stat().st_size
            opening = self.errors.stat().st_size == 0  # the writer's first line says that the store is open
            self.disk.cut()
            time.sleep(0.05)  # what answers now answers to a dead disk
        finally:
            with contextlib.suppress(ProcessLookupError):
                writer.send_signal(signal.SIGKILL)
            writer.wait()
        with open(self.acked, "rb+") as acked:
            acked.truncate(acked.read(owed).rfind(b"\n") + 1)
        self.disk.power_on()
        if ended is not None:
            return opening, f"the writer ended early: {self.errors.read_text(errors='replace').strip()[-200:]}"
        return opening, None

    def check(self):
        try:
            done = subprocess.run(self.torture("check"), capture_output=True, text=True, timeout=CHECK_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return False, f"no answer in {CHECK_LIMIT_S} s"
        last = (done.stdout + done.stderr).strip().splitlines()[-1:] or [""]
        return done.returncode == 0, last[0]

    def round(self, way):
        """Cuts once or twice; returns the number of cuts, how many fell into an opening, whether all is well, and words."""
        opening, problem = self.write_until_cut(self.chance.uniform(0.2, 1.5))
        cuts, while_opening = 1, int(opening)
        if problem is None and way in SECOND_CUT_S:
            if way == "rebuilding":
                shutil.rmtree(self.store / "index", ignore_errors=True)
            opening, problem = self.write_until_cut(self.chance.uniform(0.0, SECOND_CUT_S[way]))
            cuts, while_opening = 2, while_opening + opening
        fine, said = self.check()
        return cuts, while_opening, fine and problem is None, problem or said


def torture(program, wanted, chance):
    figures = {"cuts": 0, "while_opening": 0, "rounds": 0, "acknowledged": 0, "bad_rounds": 0}

    def enough():
        missed = figures["while_opening"] < ENOUGH_WHILE_OPENING and figures["cuts"] < MOST_CUTS
        return figures["cuts"] >= wanted and not missed

    with tempfile.TemporaryDirectory(prefix="kido-power-cut.") as folder:
        work = Path(folder)
        while not enough():
            with Disk(work) as disk:
                bench, first = Bench(program, disk, work, chance), figures["cuts"]
                while figures["cuts"] < first + CUTS_PER_DISK and not enough():
                    way = WAYS[figures["rounds"] % len(WAYS)]
                    cuts, while_opening, fine, said = bench.round(way)
                    figures["rounds"] += 1
                    figures["cuts"] += cuts
                    figures["while_opening"] += while_opening
                    figures["bad_rounds"] += not fine
                    where = "opening" if while_opening else "open"
                    print(f"cut {figures['cuts']:3} {way:10} {where:7} {'ok ' if fine else 'BAD'} {said}", flush=True)
                figures["acknowledged"] += bench.acked.read_bytes().count(b"\n")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store_torture", help="the program `store-torture`")
    parser.add_argument("--cuts", type=int, default=24, help="at least so many cuts (default 24)")
    parser.add_argument("--seed", type=int, help="for the random moments; printed, so that a run can be repeated")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if arguments.seed is None else arguments.seed
    print(f"power-cut: seed {seed}", flush=True)
    try:
        require_machine()
        figures = torture(os.path.abspath(arguments.store_torture), arguments.cuts, random.Random(seed))
    except Skipped as why:
        print(f"skipped: power cuts: {why}")
        print(json.dumps({"skipped": str(why)}))
        return 0
    print(json.dumps({"seed": seed, **figures}))
    fine = figures["bad_rounds"] == 0 and figures["acknowledged"] > 0 and figures["while_opening"] >= ENOUGH_WHILE_OPENING
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
