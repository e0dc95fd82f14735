from imtw.plugin import DialectMaker

jim = DialectMaker(
    "jim",
    "imtw.protocols.jim.dialect.JimDialect",
    "J-IM 2.6 and its customer-service fork: TCP frames, WebSocket, HTTP",
    {
        "heartbeatTimeout": "milliseconds after which a silent connection is dropped; 0 for never (0)",
        "authSuffix": "what an auth echo gets behind the token (authKey)",
    },
)
