"""
Who may do what (S10): what becomes of each command there is, by everybody, on
every carrier.  L{imtw.test.test_matrix} tries it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from imtw.test.wire import private, public

#: Who tries.  Bob has two groups, an open club and a team that he has made; the operator is in neither.
ROLES = ("anonymous", "stranger", "ex-member", "member", "operator")
NO_CODE, SILENCE, HANGUP = ".", "-", "x"  # an answer without a code, none, the end of the connection
PASSWORD = "123"

Facts = dict[str, Any]


class Row(NamedTuple):
    """
    Something that can be tried.

    @ivar command: its name.
    @ivar what: what is tried, in a word or two.
    @ivar body: the request in imtw's own words.  Names in braces: C{caller},
        C{bob} (who is there), C{cid} (who is not), C{club} and C{team},
        C{new} (a group that is not there), C{token} (Bob's), C{his} and
        C{mine} (ids of messages in the club), C{theirs} (of what Bob told
        Cid).
    @ivar jim: the same in J-IM's, for commands that it has.
    @ivar ends: a code, or one of the signs above, for each of L{ROLES}.
    @ivar ws: the same over WebSocket, where that differs; C{http} likewise.
    @ivar strict: the same over TCP and WebSocket with C{--strict jim}, where
        that differs.
    """

    command: str
    what: str
    body: Facts
    jim: Facts
    ends: str
    ws: str = ""
    http: str = ""
    strict: str = ""


HIS = {"user": "{bob}", "partner": "{cid}"}
WITH_CID = {"type": 1, "userId": "{bob}", "fromUserId": "{cid}"}
FORGED = {"to": "{cid}", "sender": "{bob}", "content": "x"}
IN_EXTRAS = {"to": "{bob}", "content": "x", "extras": {"jim": {"sender": "{cid}", "from": "{cid}"}}}

# fmt: off
ROWS = [
    Row("handshake", "",       {}, {},                                         ". . . . .", ws="x x x x x"),
    Row("auth", "",            {"token": "t"}, {"token": "t"},                 "10009 10009 10009 10009 10009"),
    Row("login", "as oneself", {"name": "{caller}", "password": PASSWORD},
        {"loginname": "{caller}", "password": PASSWORD},                       "10007 10007 10007 10007 10007"),
    Row("join", "",            {"group": "{club}"}, {"group_id": "{club}"},    "10020 10011 10011 10011 10011"),
    Row("chat", "to Bob",      {"to": "{bob}", "content": "x"}, private("{bob}", "x"),
                                      "10020 10000 10000 10000 10000", strict="10000 10000 10000 10000 10000"),
    Row("chat", "to the club", {"group": "{club}", "content": "x"}, public("{club}", "x"),
                                      "10020 10000 10000 10000 10000", strict="10000 10000 10000 10000 10000"),
    Row("chat", "as Bob",      FORGED, private("{cid}", "x", **{"from": "{bob}"}),
                                      "10020 10001 10001 10001 10001", strict="10001 10001 10001 10001 10001"),
    Row("chat", "as Cid",      IN_EXTRAS, private("{bob}", "x", extras={"jim": {"sender": "{cid}"}, "from": "{cid}"}),
                                      "10020 10000 10000 10000 10000", strict="10000 10000 10000 10000 10000"),
    Row("chat", "to the team", {"group": "{team}", "content": "x"}, public("{team}", "x"),
                                      "10020 10102 10102 10000 10102", strict="10102 10102 10102 10000 10102"),
    Row("heartbeat", "",       {}, {},                                         ". . . . ."),
    Row("close", "this one",   {}, {},  "10020 x x x x", http="10020 10100 10100 10100 10100", strict="x x x x x"),
    Row("close", "one's own",  {"user": "{caller}"}, {"userid": "{caller}"},
                    "10020 x x x x", http="10020 10021 10021 10021 10021", strict="10021 x x x x"),
    Row("close", "Bob's",      {"user": "{bob}"}, {"userid": "{bob}"},
                                      "10020 10020 10020 10020 10021", strict="10021 10021 10021 10021 10021"),
    Row("recall", "one's own", {"id": "{mine}", "group": "{club}"}, {"id": "{mine}", "group_id": "{club}"},
                                      "10020 10000 10000 10000 10000", strict="10103 10000 10000 10000 10000"),
    Row("recall", "Bob's",     {"id": "{his}", "group": "{club}"}, {"id": "{his}", "group_id": "{club}"},
                                      "10020 10102 10102 10102 10102", strict="10102 10102 10102 10102 10102"),
    Row("user", "Bob",         {"user": "{bob}"}, {"userid": "{bob}"},
                                      "10020 10003 10003 10003 10003", strict="10003 10003 10003 10003 10003"),
    Row("messages", "pending", {"user": "{caller}", "pending": True}, {"type": 0, "userId": "{caller}"},
                                      "10020 10016 10016 10016 10016", strict="10016 10016 10016 10016 10016"),
    Row("messages", "Bob's pending", {"user": "{bob}", "pending": True}, {"type": 0, "userId": "{bob}"},
                                      "10020 10015 10015 10015 10015", strict="10016 10016 10016 10016 10016"),
    Row("messages", "Bob's with Cid", HIS, WITH_CID,
                                      "10020 10015 10015 10015 10015", strict="10018 10018 10018 10018 10018"),
    Row("messages", "the club's", {"user": "{caller}", "group": "{club}"},
        {"type": 1, "userId": "{caller}", "groupId": "{club}"},
                                      "10020 10018 10018 10018 10018", strict="10018 10018 10018 10018 10018"),
    Row("messages", "the team's", {"user": "{caller}", "group": "{team}"},
        {"type": 1, "userId": "{caller}", "groupId": "{team}"},
                                      "10020 10102 10102 10018 10018", strict="10102 10102 10102 10018 10018"),
    Row("leave", "",           {"group": "{club}"}, {},                        "10020 10103 10103 10100 10103"),
    Row("received", "",        {"group": "{club}", "seq": 1}, {},              "10020 10103 10103 10100 10103"),
    Row("read", "",            {"group": "{club}", "seq": 1}, {},              "10020 10103 10103 10100 10103"),
    Row("sync", "the club's",  {"group": "{club}", "after": 0}, {},            "10020 10100 10100 10100 10100"),
    Row("sync", "the team's",  {"group": "{team}", "after": 0}, {},            "10020 10102 10102 10100 10100"),
    Row("conversations", "",   {}, {},                                         "10020 10100 10100 10100 10100"),
    Row("history", "the club's", {"group": "{club}"}, {},                      "10020 10100 10100 10100 10100"),
    Row("history", "the team's", {"group": "{team}"}, {},                      "10020 10102 10102 10100 10100"),
    Row("edit", "one's own",   {"id": "{mine}", "group": "{club}", "content": "y"}, {},
                                      "10020 10100 10100 10100 10100", strict="10103 10100 10100 10100 10100"),
    Row("edit", "Bob's",       {"id": "{his}", "group": "{club}", "content": "y"}, {},
                                      "10020 10102 10102 10102 10102", strict="10102 10102 10102 10102 10102"),
    Row("create-group", "",    {"name": "n", "group": "{new}"}, {},            "10020 10100 10100 10100 10100"),
    Row("create-group", "Bob's", {"name": "n", "group": "{team}"}, {},         "10020 10107 10107 10107 10107"),
    Row("invite", "Cid",       {"group": "{team}", "users": ["{cid}"]}, {},    "10020 10102 10102 10102 10100"),
    Row("invite", "to the club", {"group": "{club}", "users": ["{cid}"]}, {},  "10020 10102 10102 10102 10102"),
    Row("role", "oneself",     {"group": "{team}", "user": "{caller}", "role": "admin"}, {},
                                                                               "10020 10102 10102 10102 10103"),
    Row("role", "Bob",         {"group": "{team}", "user": "{bob}", "role": "member"}, {},
                                                                               "10020 10102 10102 10102 10100"),
    Row("mute", "Bob",         {"group": "{team}", "user": "{bob}", "seconds": 9}, {},
                                                                               "10020 10102 10102 10102 10100"),
    Row("kick", "Bob",         {"group": "{team}", "user": "{bob}"}, {},       "10020 10102 10102 10102 10100"),
    Row("kick", "Bob, from the club", {"group": "{club}", "user": "{bob}"}, {},
                                                                               "10020 10102 10102 10102 10100"),
    Row("block", "Bob",        {"user": "{bob}", "blocked": True}, {},         "10020 10100 10100 10100 10100"),
    Row("friend-invite", "Bob", {"user": "{bob}"}, {},                         "10020 10100 10100 10100 10100"),
    Row("friend-invite", "nobody", {"user": "{cid}"}, {},                      "10020 10103 10103 10103 10103"),
    Row("friend-agree", "Bob's", {"user": "{bob}"}, {},                        "10020 10103 10103 10103 10103"),
    Row("friend-agree", "some other's", {"id": 1}, {},                         "10020 10103 10103 10103 10103"),
    Row("friend-remove", "Bob", {"user": "{bob}"}, {},                         "10020 10103 10103 10103 10103"),
    Row("friends", "",         {}, {},                                         "10020 10100 10100 10100 10100"),
    Row("presence", "Bob's",   {"users": ["{bob}"]}, {},
                                      "10020 10100 10100 10100 10100", strict="10020 10100 10100 10100 10100"),
    Row("devices", "",         {}, {},                                         "10020 10100 10100 10100 10100"),
    Row("passport", "Bob's",   {"id": "{his}", "group": "{club}"}, {},         "10020 10103 10103 10103 10100"),
    Row("passport", "Bob's to Cid", {"id": "{theirs}", "user": "{bob}", "to": "{cid}"}, {},
                                                                               "10020 10102 10102 10102 10100"),
    Row("typing", "to Bob",    {"to": "{bob}"}, {},
                      "10020 - - - -", http="10020 10100 10100 10100 10100", strict="- - - - -"),
    Row("revoke", "Bob's",     {"token": "{token}"}, {},
                                      "10020 10103 10103 10103 10103", strict="10103 10103 10103 10103 10103"),
    Row("revoke", "a device",  {"device": "phone"}, {},
                                      "10020 10103 10103 10103 10103", strict="10103 10103 10103 10103 10103"),
    Row("token", "",           {}, {},                                         "10020 10100 10100 10100 10100"),
]
# fmt: on
