"""
One seed's story: who is there, what they say, what goes wrong.
"""

from __future__ import annotations

from imtw.verify.world.clients import Client
from imtw.verify.world.deeds import Deeds
from imtw.verify.world.jim import JimClient
from imtw.verify.world.operator import act
from imtw.verify.world.people import company
from imtw.verify.world.running import Running

CALM = 180.0  # seconds in which everybody gets what is due, once nothing goes wrong any more
LOOKS = 6  # in a row, half a second apart, at which all have what is due
OPERATED = 0.02  # of what happens is the operator's


class World(Running):
    """
    A server and the people around it.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.users = [f"u{number}" for number in range(self.chance.randint(2, 5))]
        self.clients = [client for user in self.users for client in company(self, user)]
        self.speaking = len(self.clients)
        self._deeds = Deeds(self)

    # the story

    def play(self) -> None:
        """
        Let it all happen.
        """
        self.start()
        for client in self.clients:
            self.later(self.chance.uniform(0, 3), client.connect)
        seconds = self.chance.uniform(4, 12)
        trouble = self.chance.random()
        self.disk.isFailing = self.chance.random() < 0.3
        self.later(0.5, self._goOn, seconds, 0.25 * trouble)
        self.clock.until(seconds)
        self._calmDown()

    def _goOn(self, end: float, trouble: float) -> None:
        """
        One thing happens, and then the next one, up to the end.

        @param trouble: how often it is a mishap.
        """
        client = self.chance.choice(self.clients)
        if self.chance.random() < trouble:
            self._mishap(client)
        elif self.chance.random() < OPERATED:
            act(self)
        else:
            self._deeds.one(client)
        pause = self.chance.expovariate(6)
        if self.now() + pause < end:
            self.later(pause, self._goOn, end, trouble)

    def _mishap(self, client: Client) -> None:
        """
        Something goes wrong.
        """
        dice = self.chance.random()
        if dice < 0.5:
            client.cut()
        elif dice < 0.75:
            client.stall(self.chance.expovariate(1))
        elif dice < 0.88:
            self.crash()
        elif dice < 0.93:
            self.stop()
        else:
            self.jump()

    def _calmDown(self) -> None:
        """
        Nothing goes wrong any more: wait until all have what is due.
        """
        self.disk.isFailing = False
        self._rest()
        for client in self.clients:
            if isinstance(client, JimClient):
                client.askConversations()
                client.askFriends()
        self._rest()

    def _rest(self) -> None:
        """
        Wait until nobody wants anything.
        """
        end = self.clock.seconds() + CALM
        calm = 0
        while self.clock.seconds() < end and calm < LOOKS:
            self.clock.until(self.clock.seconds() + 0.5)
            calm = calm + 1 if self.isUp and all(client.isContent for client in self.clients) else 0
