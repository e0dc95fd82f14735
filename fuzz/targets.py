"""
One function for everything that reads a peer's bytes.  It takes any bytes and
returns; what it raises is a finding.

They know nothing of the fuzzer: C{fuzz/run} gives them to atheris, and
C{imtw.test.test_fuzz_targets} their seeds and what Hypothesis makes up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import carriers, easyim, fastim, jim, seeds
from .choices import withChoice


class Target(NamedTuple):
    """
    What is fuzzed.

    @ivar seeds: makes inputs to start from.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


TARGETS = {
    "frames": Target(jim.frames, withChoice(seeds.streams, 6)),
    "lenient": Target(jim.lenient, seeds.texts),
    "bodies": Target(jim.bodies, jim.bodySeeds),
    "values": Target(jim.values, jim.bodySeeds),
    "command": Target(jim.command, seeds.texts),
    "requests": Target(jim.requests, jim.requestSeeds),
    "callers": Target(jim.callers, jim.callerSeeds),
    "statuses": Target(jim.statuses, lambda: [bytes([at, at, 65]) for at in range(len(jim.COMMANDS))]),
    "fastframes": Target(carriers.fastFrames, withChoice(seeds.sockets, 0)),
    "sockets": Target(carriers.sockets, withChoice(seeds.sockets, 3, 9, 27, 81)),
    "head": Target(carriers.head, seeds.heads),
    "port": Target(carriers.port, withChoice(seeds.connections, 0, 1)),
    "easystreams": Target(easyim.easyimStreams, easyim.streamSeeds),
    "easytexts": Target(easyim.easyimTexts, easyim.textSeeds),
    "easyprotobuf": Target(easyim.easyimProtobuf, easyim.protobufSeeds),
    "easytokens": Target(easyim.easyimTokens, easyim.tokenSeeds),
    "fastforms": Target(fastim.parameters, fastim.parameterSeeds),
    "fastpaths": Target(fastim.paths, fastim.pathSeeds),
    "fasttexts": Target(fastim.texts, fastim.textSeeds),
}
