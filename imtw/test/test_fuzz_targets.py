"""
The fuzz targets (C{fuzz/}), for a moment each: their seeds, and what
Hypothesis makes up.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module, util
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from imtw.test.checkout import checkout

MOMENT = 0.4  # seconds for a target's changed seeds
LONGEST = 1.0  # seconds that one input may take, of this thread's own: the machine does other things, too
SEED = 9733
NAMES = (
    *("frames", "lenient", "bodies", "values", "command", "requests", "callers", "statuses", "easystreams"),
    *("fastframes", "sockets"),
    *("easytexts", "easyprotobuf", "easytokens"),
    *("head", "port", "fastforms", "fastpaths", "fasttexts"),
)


def targets() -> Any:
    """
    The targets of the checkout.
    """
    name = "imtw_fuzz"
    if name not in sys.modules:
        folder = checkout("fuzz/targets.py") / "fuzz"
        spec = util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        sys.modules[name] = util.module_from_spec(spec)
    return import_module(f"{name}.targets").TARGETS


def changed(random: Random, seeds: list[bytes]) -> bytes:
    """
    A seed, or two, with something done to it.
    """
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice([1, 1, 2, 5])):
        at = random.randrange(len(data) + 1)
        kind = random.randrange(6)
        if kind == 0:
            data[at:at] = random.randbytes(random.choice([1, 1, 2, 8]))
        elif kind == 1:
            del data[at : at + random.choice([1, 1, 4, 64])]
        elif kind == 2 and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif kind == 3 and at < len(data):
            data[at] = random.choice(b"\x00\x01\x7f\x80\x81\xfe\xff\"'\\{}[],: \r\n0")
        elif kind == 4:
            data[at:] = random.choice(seeds)[random.randrange(8) :]
        elif kind == 5:
            data[at:at] = data[at : at + 20] * random.choice([1, 3, 30])
    return bytes(data[:8192])


class TargetTests(SynchronousTestCase):
    """
    Nothing is found, and nothing takes long.
    """

    def setUp(self) -> None:
        """
        Load them here: within a test of hypothesis their own could not be.
        """
        targets()

    def run_(self, name: str, data: bytes) -> None:
        """
        Give a target one input.
        """
        began = time.thread_time()
        try:
            targets()[name].run(data)
        except Exception as error:
            error.add_note(f"{name}: {data!r}")
            raise
        self.assertLess(time.thread_time() - began, LONGEST, data)

    def test_all(self) -> None:
        """
        No target is left out here, and each has seeds.
        """
        self.assertEqual(sorted(targets()), sorted(NAMES))
        for name, target in targets().items():
            self.assertGreater(len(target.seeds()), 10, name)

    def test_negativeControl(self) -> None:
        """
        A decoder that is wrong by one byte is found by its seeds alone.
        """
        found = targets()["fastframes"]
        module = sys.modules[found.run.__module__]
        right = module.wholeFrame

        def wrong(data: bytes, at: int, most: int) -> Any:
            told = right(data, at, most)
            return told if isinstance(told, int) else (told[0], told[1], told[2] - 1)

        self.patch(module, "wholeFrame", wrong)
        with self.assertRaises(AssertionError):
            for seed in found.seeds():
                found.run(seed)


def seedsOf(name: str) -> Callable[[TargetTests], None]:
    """
    A test with a target's seeds, as they are and changed.
    """

    def test(self: TargetTests) -> None:
        seeds = targets()[name].seeds()
        for seed in seeds:
            self.run_(name, seed)
        random = Random(SEED)
        until = time.monotonic() + MOMENT
        while time.monotonic() < until:
            self.run_(name, changed(random, seeds))

    test.__doc__ = f"C{{{name}}} takes its seeds, and what is nearly one."
    return test


def bytesFor(name: str) -> Callable[[TargetTests], None]:
    """
    A test with any bytes.
    """

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.binary(max_size=200))
    def test(self: TargetTests, data: bytes) -> None:
        self.run_(name, data)

    test.__doc__ = f"C{{{name}}} takes any bytes."
    return test


for _name in NAMES:
    setattr(TargetTests, f"test_{_name}Seeds", seedsOf(_name))
    setattr(TargetTests, f"test_{_name}Bytes", bytesFor(_name))
