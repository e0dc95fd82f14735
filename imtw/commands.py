"""
What a client can ask for, whichever dialect it speaks.

A L{Command} is one declaration: its code, its name, what a request and a
reply hold, who may ask.  Decoding, validation, authorisation, the HTTP route
C{POST /api/command/<name>} and the table in the docs all come from it.

Codes 1 to 20 are J-IM's, and everyone's.  21 to 99 are free for
applications.  100 to 126 are imtw's own; their replies carry the same code.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from imtw.model import MAX_NAME, Device, Friend, Message, Receipt, Standing, User

APPLICATION_CODES = range(21, 100)  # free for third parties' commands

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class Status(IntEnum):
    """
    How a command ended.  Up to 10021 the numbers are J-IM's
    (docs/wire/jim.rst, Statuses), from 10100 on imtw's own.
    """

    SENT = 10000
    OFFLINE = 10001
    NOT_SENT = 10002
    USER_FOUND = 10003
    USER_NOT_FOUND = 10004
    ONLINE_USERS = 10005
    OFFLINE_USERS = 10006
    LOGGED_IN = 10007
    LOGIN_FAILED = 10008
    AUTHENTICATED = 10009
    AUTH_FAILED = 10010
    JOINED = 10011
    NOT_JOINED = 10012
    NO_MESSAGES = 10015
    PENDING = 10016
    UNKNOWN_COMMAND = 10017
    HISTORY = 10018
    ONLINE = 10019
    INVALID = 10020
    CLOSED = 10021

    OK = 10100
    BAD_REQUEST = 10101
    FORBIDDEN = 10102
    NOT_FOUND = 10103
    BUSY = 10104
    NOT_STORED = 10105
    TOO_LATE = 10106
    CONFLICT = 10107
    TOO_MANY = 10108


class Access(Enum):
    """
    Who may give a command.
    """

    ANYBODY = "anybody"
    USER = "a logged-in user"
    OPERATOR = "an operator"


class Command(Struct, frozen=True, gc=False):
    """
    One thing a client can ask for.

    @ivar code: 1 to 126; what a packet carries.
    @ivar name: lower-case words with dashes; the HTTP route's last segment.
    @ivar request: what is asked, with the types that are checked.
    @ivar replyCode: the code of the answer.
    @ivar reply: what an answer's data holds, or L{None} for a bare status.
    @ivar access: who may ask.
    @ivar atOnce: the handler needs nothing that the store is still writing,
        so it is called while earlier chats of the connection wait for their
        commit.  Any other command waits for them first.
    @ivar failure: the status of a request that cannot be understood.
    @ivar help: one line for the docs.
    """

    code: int
    name: str
    request: type[Struct]
    replyCode: int
    reply: type[Struct] | None = None
    access: Access = Access.USER
    atOnce: bool = False
    failure: Status = Status.BAD_REQUEST
    help: str = ""


class Reply(Struct, gc=False):
    """
    The answer to a command.

    @ivar status: how it ended; L{None} for the answers that J-IM sends
        without a code (heartbeat, handshake).
    @ivar data: a Struct of the command's reply type, or L{None}.
    @ivar close: end the connection once this is written.
    @ivar reason: why, in words for a person: told to clients that know it,
        in place of the status's own text.
    """

    status: Status | None = None
    data: Struct | None = None
    close: bool = False
    reason: str = ""


# Requests and replies, in neutral camelCase.


class Nothing(Struct, forbid_unknown_fields=True):
    """
    A request without fields.
    """


class Greeting(Struct):
    """
    What the peers agree on before anything else.
    """

    handshake: bool = True


class Token(Struct, forbid_unknown_fields=True):
    """
    A token to look at; what else came with it is given back.
    """

    token: str = ""
    id: str | None = None
    created: int | None = None
    extras: dict[str, Any] | None = None


class Login(Struct, forbid_unknown_fields=True):
    """
    Who wants to be on this connection: by name and password, or by token.

    @ivar device: the client's own name for the device it runs on, or empty.
    """

    name: str = ""
    password: str = ""
    token: str = ""
    device: Annotated[str, Meta(max_length=MAX_NAME)] = ""


class LoggedIn(Struct):
    """
    Who is on this connection now.
    """

    user: str


class JoinGroup(Struct, forbid_unknown_fields=True):
    """
    Enter a group; it is made if it is not there.
    """

    group: str
    name: str | None = None


class JoinVerdict(IntEnum):
    """
    Why a group lets somebody in or not.
    """

    REFUSED = 0
    OK = 1
    NO_SUCH_GROUP = 2
    FULL = 3
    BLACKLISTED = 4
    KICKED = 5


class JoinResult(Struct):
    """
    What came of an attempt to join.
    """

    group: str
    result: JoinVerdict


class LeaveGroup(Struct, forbid_unknown_fields=True):
    """
    Leave a group for good, with all one's devices.
    """

    group: Name


class Chat(Struct, forbid_unknown_fields=True, gc=False):
    """
    Say something to a user (C{to}) or to a group (C{group}).

    @ivar sender: who the client says it is; believed only from a session
        that may speak for others.
    @ivar id: the client's name for this message; made by the server if
        there is none.
    @ivar created: ms since the epoch; the server's time if not positive.
    @ivar transient: tell who is online, keep nothing.
    """

    to: str | None = None
    group: str | None = None
    kind: str = "text"
    content: str | None = None
    id: str | None = None
    created: int = 0
    extras: dict[str, Any] | None = None
    sender: str | None = None
    transient: bool = False


class ChatResult(Struct):
    """
    Where a message went.
    """

    id: str
    seq: int
    time: int


class Close(Struct, forbid_unknown_fields=True):
    """
    End a user's connections; without a user, just this one.
    """

    user: str | None = None


class Recall(Struct, forbid_unknown_fields=True):
    """
    Take an own message back.
    """

    id: str
    to: str | None = None
    group: str | None = None


class Recalled(Struct):
    """
    The message that is no more.
    """

    id: str


class Presence(Enum):
    """
    Which users a list holds.
    """

    ONLINE = "online"
    OFFLINE = "offline"
    ALL = "all"


class GetUser(Struct, forbid_unknown_fields=True):
    """
    Look at a user and at who else is in its groups.
    """

    user: str
    show: Presence = Presence.ALL


class UserInList(Struct):
    """
    A user as a list shows it; C{online} is unset where no store keeps it.
    """

    user: User
    online: bool | UnsetType = UNSET


class GroupView(Struct):
    """
    A group with some of its users; C{users} is L{None} where they are not
    known.
    """

    id: str
    name: str
    avatar: str | None
    users: list[UserInList] | None


class UserView(Struct):
    """
    A user with its groups.
    """

    user: User
    online: bool | UnsetType
    groups: list[GroupView]


class GetMessages(Struct, forbid_unknown_fields=True):
    """
    Read what was said.

    @ivar pending: what the user's devices without a name have not got yet;
        reading moves the cursor.  Otherwise history.
    @ivar partner: only the private conversation with this user.
    @ivar group: only this group; wins over C{partner}.
    @ivar begin: ms, inclusive, by the client's time; with C{end}.
    @ivar offset: messages to leave out, from the oldest; with C{count}.
    @ivar count: at most so many; negative for no limit of the client's.
    """

    user: str
    pending: bool = False
    partner: str | None = None
    group: str | None = None
    begin: float | None = None
    end: float | None = None
    offset: int | None = None
    count: int | None = None


class Messages(Struct):
    """
    Messages by conversation, each list in the order of the log.

    @ivar whole: the question was about everything or about one partner, so
        that empty maps are an answer, too.
    """

    user: str
    friends: dict[str, list[Message]]
    groups: dict[str, list[Message]]
    whole: bool


class Typing(Struct, forbid_unknown_fields=True):
    """
    Tell that one is writing; kept nowhere, answered by nothing.
    """

    to: str | None = None
    group: str | None = None


class IssuedToken(Struct):
    """
    A token to log in with; the server keeps only its hash.

    @ivar expires: ms since the epoch.
    """

    token: str
    expires: int


class RevokeToken(Struct, forbid_unknown_fields=True):
    """
    Make a token worthless, or forget a device with its cursors and tokens;
    and end the connections they opened.
    """

    token: str = ""
    device: str = ""


class Received(Struct, forbid_unknown_fields=True):
    """
    This device has got everything up to a row of a conversation.
    """

    seq: Annotated[int, Meta(ge=0)]
    to: str | None = None
    group: str | None = None


class Sync(Struct, forbid_unknown_fields=True):
    """
    Read on in a conversation from where the client is.

    @ivar after: the last seq that the client has; 0 for none.
    @ivar limit: at most so many rows.
    """

    after: Annotated[int, Meta(ge=0)]
    to: str | None = None
    group: str | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 200


class SyncState(Enum):
    """
    What a client that reads on has to do.

    @cvar COMPLETE: nothing: it has everything now.
    @cvar GAP: ask again, after the last row it was given.
    @cvar RESET: forget what it has of this conversation, and begin at 0: the
        log is shorter than the client believes.
    """

    COMPLETE = "complete"
    GAP = "gap"
    RESET = "reset"


class Synced(Struct):
    """
    The next rows of a conversation.

    @ivar head: the last seq there is.
    @ivar start: of a gap, the first seq that is still missing.
    """

    state: SyncState
    head: int
    messages: list[Message]
    start: int | None = None


class Read(Struct, forbid_unknown_fields=True):
    """
    The user has read everything up to a row of a conversation.
    """

    seq: Annotated[int, Meta(ge=0)]
    to: str | None = None
    group: str | None = None


class ReadMark(Struct):
    """
    How far the user has read now.
    """

    seq: int


class ListConversations(Struct, forbid_unknown_fields=True):
    """
    Look at one's conversations, the ones with the newest row first.

    @ivar before: only those whose last row is older, ms; for the next page.
    """

    before: int | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class Conversations(Struct):
    """
    A page of a user's conversations.
    """

    conversations: list[Standing]


class GetHistory(Struct, forbid_unknown_fields=True):
    """
    Read a page of a conversation: the first messages after a seq, or the
    last before one, or the newest.
    """

    to: str | None = None
    group: str | None = None
    after: Annotated[int, Meta(ge=0)] | None = None
    before: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class HistoryPage(Struct):
    """
    Messages in the order of the log, without those that were recalled.
    """

    messages: list[Message]


class Edit(Struct, forbid_unknown_fields=True):
    """
    Let an own message say something else.
    """

    id: str
    content: str
    to: str | None = None
    group: str | None = None


class CreateGroup(Struct, forbid_unknown_fields=True):
    """
    Make a group in which only members speak and read; the asker owns it.

    @ivar group: its id; made by the server if there is none.
    @ivar members: who is in it from the start.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    group: str | None = None
    avatar: Annotated[str, Meta(max_length=2000)] | None = None
    members: Annotated[list[Name], Meta(max_length=500)] = []


class CreatedGroup(Struct):
    """
    The group that was made.
    """

    group: str


class Rank(Enum):
    """
    A role by its name.
    """

    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


class ChangeRole(Struct, forbid_unknown_fields=True):
    """
    Say what a member may do; a new owner takes the place of the old one.
    """

    group: Name
    user: Name
    role: Rank


class Mute(Struct, forbid_unknown_fields=True):
    """
    Let a user not speak in a group for a while.

    @ivar seconds: for how long from now on; 0 to let it speak again.
    """

    group: Name
    user: Name
    seconds: Annotated[int, Meta(ge=0, le=10 * 365 * 86400)]


class Muted(Struct):
    """
    Until when, ms since the epoch; 0 for not at all.
    """

    until: int


class Kick(Struct, forbid_unknown_fields=True):
    """
    Take a user out of a group for good.

    @ivar back: let it come back instead.
    """

    group: Name
    user: Name
    back: bool = False


class Block(Struct, forbid_unknown_fields=True):
    """
    Take no private messages of a user, or take them again.
    """

    user: Name
    blocked: bool = True


class Devices(Struct):
    """
    The devices that the user has named.
    """

    devices: list[Device]


class AskPassport(Struct, forbid_unknown_fields=True):
    """
    Ask what has become of an own message; an operator may ask for any.

    @ivar user: only operators: whose conversation C{to} is meant.
    """

    id: str
    to: str | None = None
    group: str | None = None
    user: str | None = None


class MessagePassport(Struct):
    """
    When a message was stored, and who has it.

    @ivar time: the server's, ms.
    @ivar total: the recipients' devices.
    @ivar confirmed: how many of these have got it.
    @ivar devices: each of them, in a private conversation.
    """

    id: str
    seq: int
    time: int
    total: int
    confirmed: int
    devices: list[Receipt]


class WatchPresence(Struct, forbid_unknown_fields=True):
    """
    Ask who of some users is online, and be told of changes for a while.
    """

    users: Annotated[list[str], Meta(max_length=500)]


class Present(Struct):
    """
    Who is online, and how long changes will be told.

    @ivar expires: ms since the epoch.
    """

    online: list[str]
    expires: int


class InviteFriend(Struct, forbid_unknown_fields=True):
    """
    Ask a user to be one's friend.
    """

    user: Name
    note: Annotated[str, Meta(max_length=200)] = ""


class Invited(Struct):
    """
    An invitation that waits for its answer.
    """

    id: int


class AgreeFriend(Struct, forbid_unknown_fields=True):
    """
    Accept an invitation: that of a user, or the one with this id.
    """

    user: Name | None = None
    id: int | None = None


class RemoveFriend(Struct, forbid_unknown_fields=True):
    """
    Have somebody as a friend no more; it has not oneself, either.  An
    invitation between the two is gone, too.
    """

    user: Name


class ListFriends(Struct, forbid_unknown_fields=True):
    """
    Look at one's friends, in the order of their ids.

    @ivar after: only those whose id is larger; for the next page.
    """

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 200


class Friends(Struct):
    """
    A page of a user's friends.
    """

    friends: list[Friend]


# fmt: off
HANDSHAKE    = Command(1, "handshake", Nothing, 2, Greeting, Access.ANYBODY, True, Status.UNKNOWN_COMMAND,
                       "agree on the wire; optional")
AUTH         = Command(3, "auth", Token, 4, Token, Access.ANYBODY, True, Status.AUTH_FAILED,
                       "J-IM's token echo; it proves nothing")
LOGIN        = Command(5, "login", Login, 6, LoggedIn, Access.ANYBODY, False, Status.LOGIN_FAILED,
                       "say who is on this connection")
JOIN         = Command(7, "join", JoinGroup, 8, JoinResult, Access.USER, False, Status.UNKNOWN_COMMAND,
                       "enter a group")
CHAT         = Command(11, "chat", Chat, 12, ChatResult, Access.USER, True, Status.NOT_SENT,
                       "say something to a user or a group")
HEARTBEAT    = Command(13, "heartbeat", Nothing, 13, None, Access.ANYBODY, True, Status.UNKNOWN_COMMAND,
                       "show that the connection lives")
CLOSE        = Command(14, "close", Close, 14, None, Access.USER, False, Status.INVALID,
                       "end connections of one's own")
RECALL       = Command(15, "recall", Recall, 16, Recalled, Access.USER, False, Status.UNKNOWN_COMMAND,
                       "take an own message back")
GET_USER     = Command(17, "user", GetUser, 18, UserView, Access.USER, False, Status.USER_NOT_FOUND,
                       "look at a user and its groups")
GET_MESSAGES = Command(19, "messages", GetMessages, 20, Messages, Access.USER, False, Status.NO_MESSAGES,
                       "read what is pending, or the history")
LEAVE        = Command(100, "leave", LeaveGroup, 100, None, Access.USER, False, Status.BAD_REQUEST,
                       "leave a group for good")
TYPING       = Command(104, "typing", Typing, 104, None, Access.USER, True, Status.BAD_REQUEST,
                       "tell that one is writing")
TOKEN        = Command(119, "token", Nothing, 119, IssuedToken, Access.USER, False, Status.BAD_REQUEST,
                       "ask for a token to log in with")
RECEIVED     = Command(101, "received", Received, 101, None, Access.USER, False, Status.BAD_REQUEST,
                       "confirm what this device has got")
SYNC         = Command(103, "sync", Sync, 103, Synced, Access.USER, False, Status.BAD_REQUEST,
                       "read on in a conversation")
PRESENCE     = Command(116, "presence", WatchPresence, 116, Present, Access.USER, False, Status.BAD_REQUEST,
                       "ask who is online, and hear of changes for a while")
REVOKE       = Command(118, "revoke", RevokeToken, 118, None, Access.USER, False, Status.BAD_REQUEST,
                       "make a token worthless, or forget a device")
READ         = Command(102, "read", Read, 102, ReadMark, Access.USER, False, Status.BAD_REQUEST,
                       "say how far one has read")
CONVERSATIONS = Command(108, "conversations", ListConversations, 108, Conversations, Access.USER, False,
                        Status.BAD_REQUEST, "list one's conversations with what is unread")
HISTORY      = Command(109, "history", GetHistory, 109, HistoryPage, Access.USER, False, Status.BAD_REQUEST,
                       "read a page of a conversation, by seq")
EDIT         = Command(110, "edit", Edit, 110, ChatResult, Access.USER, False, Status.BAD_REQUEST,
                       "let an own message say something else")
CREATE_GROUP = Command(111, "create-group", CreateGroup, 111, CreatedGroup, Access.USER, False, Status.BAD_REQUEST,
                       "make a group of one's own")
ROLE         = Command(112, "role", ChangeRole, 112, None, Access.USER, False, Status.BAD_REQUEST,
                       "say what a member of a group may do")
MUTE         = Command(113, "mute", Mute, 113, Muted, Access.USER, False, Status.BAD_REQUEST,
                       "let somebody not speak in a group for a while")
KICK         = Command(114, "kick", Kick, 114, None, Access.USER, False, Status.BAD_REQUEST,
                       "take somebody out of a group for good")
BLOCK        = Command(115, "block", Block, 115, None, Access.USER, False, Status.BAD_REQUEST,
                       "take no private messages of somebody")
FRIEND_INVITE = Command(105, "friend-invite", InviteFriend, 105, Invited, Access.USER, False, Status.BAD_REQUEST,
                        "ask a user to be one's friend")
FRIEND_AGREE = Command(106, "friend-agree", AgreeFriend, 106, None, Access.USER, False, Status.BAD_REQUEST,
                       "accept an invitation")
FRIEND_REMOVE = Command(107, "friend-remove", RemoveFriend, 107, None, Access.USER, False, Status.BAD_REQUEST,
                        "end a friendship, or refuse an invitation")
FRIENDS      = Command(122, "friends", ListFriends, 122, Friends, Access.USER, False, Status.BAD_REQUEST,
                       "list one's friends")
DEVICES      = Command(117, "devices", Nothing, 117, Devices, Access.USER, False, Status.BAD_REQUEST,
                       "list one's devices")
PASSPORT     = Command(120, "passport", AskPassport, 120, MessagePassport, Access.USER, False, Status.BAD_REQUEST,
                       "ask what has become of a message")
# fmt: on
