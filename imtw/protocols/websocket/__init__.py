"""
WebSockets: Autobahn carries, a dialect's speaker speaks.

The only place that knows Autobahn.  Its handshake, control frames, close and
error paths are used as they are; its limits, which are all open by default,
are set here.

    - L{imtw.protocols.websocket.lean}: Autobahn's protocol, with no more in
      each connection than it needs;
    - L{imtw.protocols.websocket.carrier}: the handshake, messages and the end
      of one connection, between Autobahn and a speaker;
    - L{imtw.protocols.websocket.front}: frames that are read before Autobahn
      sees them;
    - L{imtw.protocols.websocket.factory}: what a port sets for all of its
      connections.
"""
