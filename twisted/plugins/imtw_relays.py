from imtw.plugin import RelayMaker

none = RelayMaker("none", "imtw.relays.loopback.NoRelay", "none: this is the only node")
loopback = RelayMaker("loopback", "imtw.relays.loopback.LoopbackRelay", "loopback:NAME: servers of one process")
