"""
What every store has to do, whatever it keeps things in.

A store is done when a test case of L{StoreContract} passes for it; see
L{imtw.test.persistence.test_memory} for how little that takes.
"""

from __future__ import annotations

from imtw.test.persistence.devicecontract import DeviceContract, StandingContract
from imtw.test.persistence.editcontract import EditContract
from imtw.test.persistence.expirycontract import ExpiryContract
from imtw.test.persistence.friendcontract import FriendContract
from imtw.test.persistence.groupcontract import GroupContract
from imtw.test.persistence.logcontract import LogContract
from imtw.test.persistence.pagecontract import PageContract
from imtw.test.persistence.peoplecontract import PeopleContract
from imtw.test.persistence.repeatcontract import RecallContract, RepeatContract
from imtw.test.persistence.roomcontract import RoomContract
from imtw.test.persistence.voicecontract import VoiceContract


class StoreContract(
    DeviceContract,
    EditContract,
    ExpiryContract,
    FriendContract,
    GroupContract,
    LogContract,
    PageContract,
    PeopleContract,
    RecallContract,
    RepeatContract,
    RoomContract,
    StandingContract,
    VoiceContract,
):
    """
    All of L{imtw.interfaces.IStore}.
    """
