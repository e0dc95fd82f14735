J-IM 2.6 clients chat over TCP, WebSocket and HTTP on one port, with a page for browsers; messages are kept in SQLite, and commands, dialects, stores, relays and login checks are plugins.
