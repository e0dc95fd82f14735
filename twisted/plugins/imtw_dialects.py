from imtw.plugin import DialectMaker

easyim = DialectMaker(
    "easyim",
    "imtw.protocols.easyim.dialect.EasyimDialect",
    "easyim: JSON and protobuf over TCP and WebSocket, HTTP; needs imtw[easyim]",
    {
        "dropAfter": "seconds without a message after which a connection is dropped (300)",
        "maxMessage": "bytes of a message (65536)",
        "node": "0 to 1023, in the ids it makes; another one for each node of a store (1)",
        "plain": "1: who types lines, as with nc, is served, too, on its own ports (0)",
    },
    {"api": "its HTTP API alone"},
    ["jwt"],
)
fastim = DialectMaker(
    "fastim",
    "imtw.protocols.fastim.dialect.FastDialect",
    "FastIM: rooms over WebSocket, and HTTP",
    {
        "loginAuth": "1: a WebSocket has to show its user's token; 0: anybody is who it says, in rooms apart (1)",
        "autoJoin": "1: entering a room makes one a member; 0: only members enter (1)",
        "timeout": "seconds after its last message that a room's messages live; 0 or less for ever (604800)",
        "listNum": "messages pushed when a room is entered (50)",
        "recallTimeLimit": "seconds for which a message can be taken back (120)",
        "updateRate": "seconds between two pushes of a list of rooms (1)",
        "maxLength": "UTF-16 units of a message (8192)",
        "membersOnly": "only members read rooms over HTTP (0)",
    },
)
jim = DialectMaker(
    "jim",
    "imtw.protocols.jim.dialect.JimDialect",
    "J-IM 2.6 and its customer-service fork: TCP frames, WebSocket, HTTP",
    {
        "heartbeatTimeout": "milliseconds after which a silent connection is dropped; 0 for never (0)",
        "authSuffix": "what an auth echo gets behind the token (authKey)",
    },
)
