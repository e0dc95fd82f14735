"""
A connection that has ended leaves nothing for the garbage collector to find:
what it was made of goes with the last reference.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from imtw.lanes import Lane
from imtw.protocols.outlet import TransportOutlet
from imtw.test.test_fast import NAMES, Stage, packet


class GarbageTests(SynchronousTestCase):
    """
    What is left of connections.
    """

    def leftOf(self, stage: Stage) -> set[str]:
        """
        The kinds of objects that a collector finds of a server's connections
        when they have ended.
        """
        for who in range(len(NAMES)):
            stage.write(who, packet(who, 11, {"chatType": 2, "to": "cid", "content": "hi", "id": str(who)}))
        gc.collect()
        self.addCleanup(gc.set_debug, gc.get_debug())
        gc.disable()
        self.addCleanup(gc.enable)
        stage.end()
        stage.far.clear()
        stage.near.clear()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = {type(one) for one in gc.garbage}
        gc.garbage.clear()
        return {kind.__name__ for kind in kinds if kind.__module__.startswith(("imtw", "autobahn", "twisted.internet"))}

    def test_nothingIsLeft(self) -> None:
        """
        Of connections by TCP and WebSocket that said something nothing is
        left.
        """
        self.assertEqual(self.leftOf(Stage()), set())

    def test_negativeControl(self) -> None:
        """
        A reference in a circle is found.
        """
        stage = Stage()
        lane: Any = stage.near[0].protocol.lane
        lane.voice.loop = lane.voice
        del lane
        found = self.leftOf(stage)
        self.assertIn("JimProtocol", found)
        self.assertIn(Lane.__name__, found)
        self.assertIn(TransportOutlet.__name__, found)
