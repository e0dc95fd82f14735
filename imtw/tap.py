"""
C{twistd jim}: options, and the server they describe.
"""

from __future__ import annotations

import os
import signal
import sys
import tomllib
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort, IReactorFromThreads
from twisted.logger import ILogObserver, Logger
from twisted.python import usage

from imtw.accounts.login import Accounts
from imtw.admin.jsonlog import observerOf
from imtw.admin.listener import Admin
from imtw.collector import Freezer
from imtw.errors import ImtwError, PluginLookupError
from imtw.fast import ALL, PATHS, fastWithout
from imtw.interfaces import (
    ICheckerMaker,
    IDialect,
    IDialectMaker,
    IFilterMaker,
    IHandlerMaker,
    IPolicyMaker,
    IRelay,
    IRelayMaker,
    IStore,
    IStoreMaker,
)
from imtw.limits import Limits
from imtw.plugin import KINDS, findMaker, findMakers
from imtw.protocols.commandroutes import commandRoutes
from imtw.protocols.detect import PortFactory
from imtw.protocols.listen import endpointFor
from imtw.protocols.site import BoundedSite, Root
from imtw.protocols.upgrade import UpgradeResource
from imtw.protocols.websocket import SocketFactory
from imtw.reactor import makeLean, whyNotLean
from imtw.relaying import Relaying
from imtw.relays.loopback import NoRelay
from imtw.server import Core
from imtw.web.resources import pageRoutes

DEFAULTS: dict[str, Any] = {
    "port": ["tcp:9733:interface=127.0.0.1"],
    "port-for": [],
    "store": "sqlite:imtw.db",
    "relay": "none:",
    "auth": "accounts:",
    "signup": "open",
    "dialect": [],
    "lobby": ["100=J-IM朋友圈"],
    "notice-limit": "200",
    "list-limit": "200",
    "limit": [],
    "strict": [],
    "without": [],
    "slow": [],
    "allow-origin": [],
    "admin": "tcp:9734:interface=127.0.0.1",
    "api-secret-file": None,
    "page": None,
    "log-format": "text",
}
#: Seconds a thread may keep the interpreter.  At Python's 5 ms a busy reactor
#: and the store's writer starve each other: p99 of a commit 600 ms, not 14.
SWITCH = 0.0005


class Options(usage.Options):
    """
    What C{twistd jim} takes.
    """

    synopsis = "[options]"
    longdesc = "One instant-messaging server for the clients of several systems, on one port."
    optParameters = [
        ["store", None, None, "Where everything is kept: NAME:ARGUMENT. [default: sqlite:imtw.db]"],
        ["relay", None, None, "What tells other nodes: NAME:ARGUMENT. [default: none:]"],
        ["auth", None, None, "Who checks a login: NAME:ARGUMENT. [default: accounts:]"],
        ["signup", None, None, "open: the first login of a new name makes the account; or closed. [default: open]"],
        ["notice-limit", None, None, "Live members up to which a group is told who comes and goes. [default: 200]"],
        ["list-limit", None, None, "Users of a group that one answer lists. [default: 200]"],
        ["admin", None, None, "Endpoint of the operator's listener, or none. [default: tcp:9734 on loopback]"],
        ["api-secret-file", None, None, "File with the secret that HTTP callers who speak for others need."],
        ["page", None, None, "Folder of a page of your own, served in place of the one that comes with imtw."],
        ["log-format", None, None, "text, or json: one object a line, wherever twistd logs. [default: text]"],
        ["config", None, None, "TOML file with the same names; an option on the command line wins."],
    ]
    compData = usage.Completions(optActions={"config": usage.CompleteFiles("*.toml")})

    def __init__(self) -> None:
        super().__init__()
        for name, default in DEFAULTS.items():
            if isinstance(default, list):
                self[name] = None

    def opt_port(self, endpoint: str) -> None:
        """
        Endpoint to listen on, for all dialects; again for more. [default: tcp:9733 on loopback]
        """
        self._add("port", endpoint)

    def opt_port_for(self, text: str) -> None:
        """
        DIALECT=ENDPOINT: a port for one dialect alone, by its own rules; again for more.
        """
        self._add("port-for", text)

    def opt_dialect(self, text: str) -> None:
        """
        NAME:key=value:...: options of one dialect; again for more.
        """
        self._add("dialect", text)

    def opt_lobby(self, text: str) -> None:
        """
        ID=NAME: a group that is there, joined at the first login; again for more; or none. [default: 100=J-IM朋友圈]
        """
        self._add("lobby", text)

    def opt_limit(self, text: str) -> None:
        """
        NAME=VALUE: one of the bounds that --help-limits lists; again for more.
        """
        self._add("limit", text)

    def opt_strict(self, dialect: str) -> None:
        """
        Speak this dialect with the original's holes and quirks; again for more.
        """
        self._add("strict", dialect)

    def opt_without(self, name: str) -> None:
        """
        Switch a plugin off by its name; again for more.
        """
        self._add("without", name)

    def opt_slow(self, path: str) -> None:
        """
        Take the plain way in place of a fast path: reactor, send, frames, cork, gc, or all; again for more.
        """
        self._add("slow", path)

    def opt_allow_origin(self, origin: str) -> None:
        """
        Let only pages of this origin open WebSockets, such as https://chat.example.org; again for more.
        """
        self._add("allow-origin", origin)

    def opt_help_plugins(self) -> None:
        """
        List the plugins there are, by kind.
        """
        for word, kind in KINDS.items():
            print(f"{word}:")
            for maker in findMakers(kind):
                print(f"  {maker.name:<14} {maker.help}")
                for option, help in getattr(maker, "options", {}).items():
                    print(f"  {'':<14}   {option}: {help}")
                for name, help in getattr(maker, "kinds", {}).items():
                    print(f"  {'':<14}   --port-for {maker.name}-{name}=ENDPOINT: {help}")
                if IDialectMaker.providedBy(maker) and maker.missing():
                    print(f"  {'':<14}   NOT THERE: {', '.join(maker.missing())} is not installed")
        sys.exit(0)

    def opt_help_limits(self) -> None:
        """
        List the bounds and their values.
        """
        for field in msgspec.structs.fields(Limits):
            print(f"{field.name:<18} {field.default}")
        sys.exit(0)

    def postOptions(self) -> None:
        """
        Fill in what the configuration file and the defaults say, and check
        it all.
        """
        config = self._config()
        for name, default in DEFAULTS.items():
            if self[name] is None:
                self[name] = config.get(name, default)
        if isinstance(self["lobby"], list) and self["lobby"] == ["none"]:
            self["lobby"] = []
        if self["page"] is not None and not os.path.isdir(self["page"]):
            raise usage.UsageError(f"--page: {self['page']!r} is no folder")
        choose("signup", self["signup"], ("open", "closed"))
        choose("log-format", self["log-format"], ("text", "json"))
        twistd: Any = self.parent
        if self["log-format"] == "json" and (twistd is None or twistd.get("logger") or twistd.get("syslog")):
            raise usage.UsageError("--log-format: json is for twistd's own log, without --logger or --syslog")
        self.lobby = [pairOf("lobby", text, "ID=NAME") for text in self["lobby"]]
        self.portsFor = [pairOf("port-for", text, "DIALECT=ENDPOINT") for text in self["port-for"]]
        self.limits = self._limits()
        self.apiSecret = self._apiSecret()
        for path in self["slow"]:
            choose("slow", path, (*PATHS, ALL))
        self.fast = fastWithout(self["slow"])
        known = {maker.name for kind in KINDS.values() for maker in findMakers(kind)}
        for name in self["without"]:
            choose("without", name, known)
        try:
            self.dialectOptions = self._dialects()
            offered = offeredDialects(self["without"])
            names = [maker.name for maker in offered]
            ports = [*names, *(f"{maker.name}-{kind}" for maker in offered for kind in maker.kinds)]
            for name in self["strict"]:
                choose("strict", name, names)
            for name, _ in self.portsFor:
                choose("port-for", name, ports)
        except PluginLookupError as error:
            raise usage.UsageError(str(error)) from error

    def _add(self, name: str, value: str) -> None:
        self[name] = [*(self[name] or []), value]

    def _config(self) -> dict[str, Any]:
        """
        What the configuration file says, in the shape of L{DEFAULTS}.
        """
        file = self["config"]
        if file is None:
            return {}
        try:
            with open(file, "rb") as stream:
                read = tomllib.load(stream)
        except OSError as error:
            raise usage.UsageError(f"--config: {file} cannot be read: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise usage.UsageError(f"--config: {file} is not TOML: {error}") from error
        for name, value in read.items():
            choose("config", name, DEFAULTS)
            wanted: Any = DEFAULTS[name]
            if isinstance(wanted, list):
                read[name] = [str(one) for one in value] if isinstance(value, list) else [str(value)]
            else:
                read[name] = str(value)
        return read

    def _limits(self) -> Limits:
        """
        The bounds.
        """
        values: dict[str, Any] = {}
        wanted = [*self["limit"], f"noticed={self['notice-limit']}", f"usersListed={self['list-limit']}"]
        for text in wanted:
            name, value = pairOf("limit", text, "NAME=VALUE")
            choose("limit", name, [field.name for field in msgspec.structs.fields(Limits)])
            values[name] = value
        try:
            return msgspec.convert(values, Limits, strict=False)
        except msgspec.ValidationError as error:
            raise usage.UsageError(f"--limit: {error}") from error

    def _apiSecret(self) -> str:
        """
        The secret in the file, or an empty text where there is none.
        """
        file = self["api-secret-file"]
        if file is None:
            return ""
        try:
            with open(file, encoding="utf-8") as stream:
                secret = stream.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise usage.UsageError(f"--api-secret-file: {file} cannot be read: {error}") from error
        if len(secret) < 16:
            raise usage.UsageError(f"--api-secret-file: {file} has {len(secret)} characters, wanted at least 16")
        return secret

    def _dialects(self) -> dict[str, dict[str, str]]:
        """
        The options of each dialect.
        """
        found: dict[str, dict[str, str]] = {}
        for text in self["dialect"]:
            name, *pairs = text.split(":")
            known = findMaker(IDialectMaker, name, self["without"]).options
            for pair in pairs:
                key, value = pairOf("dialect", pair, "key=value")
                choose(f"dialect {name}", key, known)
                found.setdefault(name, {})[key] = value
        return found


def choose(option: str, value: str, possible: Any) -> None:
    """
    Check that a value is one of those that are possible.
    """
    if value not in possible:
        raise usage.UsageError(f"--{option}: {value!r} is none of {', '.join(sorted(possible)) or 'nothing'}")


def pairOf(option: str, text: str, shape: str) -> tuple[str, str]:
    """
    Both sides of an equals sign.
    """
    name, found, value = text.partition("=")
    if not found or not name:
        raise usage.UsageError(f"--{option}: {text!r} is not {shape}")
    return name, value


def specOf(option: str, text: str, kind: Any, without: Sequence[str]) -> tuple[Any, str]:
    """
    The maker and the argument of C{NAME:ARGUMENT}.
    """
    name, _, argument = text.partition(":")
    try:
        return findMaker(kind, name, without), argument
    except PluginLookupError as error:
        raise usage.UsageError(f"--{option}: {error}") from error


class Server(MultiService):
    """
    A server with its ports: opens the store, then listens; stops listening,
    then closes the store.

    @ivar listening: the ports, once they are open.
    @ivar logObserver: what C{twistd} is to log with, unless it knows itself.
    """

    log = Logger()

    def __init__(self, core: Core, relay: IRelay) -> None:
        super().__init__()
        self.core = core
        self.relaying = Relaying(relay, core.store, core.sessions, core.groups, core.attendance)
        if not isinstance(relay, NoRelay):
            core.delivery.relay = core.attendance.relay = self.relaying.tell
        self.listening: list[IListeningPort] = []
        self._ports: list[tuple[str, StreamServerEndpointService]] = []
        self.started: Deferred[None] | None = None
        self.admin: Admin | None = None
        self.freezer: Freezer | None = None
        self.logObserver: ILogObserver | None = None

    def setServiceParent(self, parent: Any) -> None:
        """
        Be part of an application; C{twistd} asks it for what to log with.
        """
        super().setServiceParent(parent)
        if self.logObserver is not None:
            parent.setComponent(ILogObserver, self.logObserver)

    def addPort(self, description: str, endpoint: Any, factory: Any) -> None:
        """
        Listen there, too, once the store is open.
        """
        self._ports.append((description, StreamServerEndpointService(endpoint, factory)))

    def startService(self) -> None:
        """
        Begin.
        """
        sys.setswitchinterval(SWITCH)
        super().startService()
        self.started = Deferred.fromCoroutine(self._start())
        self.started.addErrback(self._failed)

    def stopService(self) -> Deferred[Any]:
        """
        End.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        await self.core.open()
        await self.core.accounts.start()
        await self.relaying.start()
        for description, port in self._ports:
            await self._listen(description, port)
        if self.admin is not None:
            await self.admin.start()
        if self.freezer is not None:
            self.freezer.start()
        self.log.info("ready: {ports}", ports=", ".join(description for description, _ in self._ports))

    async def _listen(self, description: str, port: StreamServerEndpointService) -> None:
        """
        Open one port.
        """
        try:
            listening = await port.endpoint.listen(port.factory)
        except Exception as error:
            raise ImtwError(f"cannot listen on {description}: {error}") from error
        self.listening.append(listening)

    async def _stop(self) -> None:
        if self.freezer is not None:
            self.freezer.stop()
        if self.admin is not None:
            await self.admin.stop()
        await gatherResults([Deferred.fromCoroutine(closed(port)) for port in self.listening])
        self.listening.clear()
        await self.core.drain()
        await self.relaying.stop()
        await self.core.accounts.stop()
        await self.core.stopService()
        await MultiService.stopService(self)

    def _failed(self, failure: Any) -> None:
        """
        Say why it cannot start, and end the process.
        """
        if failure.check(ImtwError):
            self.log.critical("cannot start: {error}", error=failure.getErrorMessage())
            print(f"imtw cannot start: {failure.getErrorMessage()}", file=sys.stderr)
        else:
            self.log.failure("cannot start", failure)
        os.kill(os.getpid(), signal.SIGTERM)


async def closed(port: IListeningPort) -> None:
    """
    Close a port.
    """
    stopped = port.stopListening()
    if stopped is not None:
        await stopped


def makeCore(options: Options, reactor: Any, store: IStore | None = None) -> Core:
    """
    The core that the options describe, with its handlers, policies, filters
    and checker.
    """
    without = options["without"]
    storeMaker, argument = specOf("store", options["store"], IStoreMaker, without)
    checkerMaker, checkerArgument = specOf("auth", options["auth"], ICheckerMaker, without)
    try:
        store = store or storeMaker.make(argument, reactor, options.limits)
        core = Core(reactor, store, options.limits, options.lobby, options["signup"], options.fast)
        core.apiSecret = options.apiSecret
        core.accounts = accounts = Accounts(store, reactor, options.limits, signup=options["signup"])
        accounts.checker = checkerMaker.make(core, checkerArgument)
        for maker in findMakers(IHandlerMaker, without):
            core.registry.register(maker.make(core))
        core.attendance.policies = [maker.make(core) for maker in findMakers(IPolicyMaker, without)]
        core.delivery.useFilters([(maker.name, maker.make(core)) for maker in findMakers(IFilterMaker, without)])
    except PluginLookupError as error:
        raise usage.UsageError(str(error)) from error
    return core


def portFactory(
    core: Core,
    dialects: Sequence[IDialect],
    isAlone: bool,
    origins: Sequence[str] = (),
    page: str | None = None,
) -> PortFactory:
    """
    What makes the connections of one port.
    """
    factory = PortFactory(core, dialects, isAlone)
    if isAlone:
        factory.firstByte = getattr(dialects[0], "patience", factory.firstByte)
    elsewhere = getattr(dialects[0], "elsewhere", None) if isAlone else None
    routes = commandRoutes(core) if elsewhere is None else {}
    if elsewhere is not None:
        factory.onlyKnown = factory.answersBroken = True
        page = None
    elif page is None:
        routes.update(pageRoutes())
    for dialect in dialects:
        routes.update(dialect.resources())
    acceptUnmasked = isAlone and any(getattr(dialect, "acceptsUnmasked", False) for dialect in dialects)
    factory.sockets = SocketFactory(
        core.clock, core.cork, core.limits, factory.whoSpeaks, origins, acceptUnmasked, core.counters
    )
    factory.site = BoundedSite(core, Root(routes, page, UpgradeResource(factory), elsewhere), origins)
    return factory


def offeredDialects(without: Sequence[str]) -> list[Any]:
    """
    The declarations of the dialects that are switched on and have all they
    need.
    """
    return [maker for maker in findMakers(IDialectMaker, without) if not maker.missing()]


def makeDialects(options: Options, core: Core) -> dict[str, IDialect]:
    """
    The dialects that are switched on, by name.
    """
    try:
        return {
            maker.name: maker.make(core, maker.name in options["strict"], options.dialectOptions.get(maker.name, {}))
            for maker in offeredDialects(options["without"])
        }
    except PluginLookupError as error:
        raise usage.UsageError(str(error)) from error


def ownDialect(dialects: dict[str, IDialect], name: str) -> IDialect:
    """
    Who speaks on a port of one dialect alone.

    @param name: the dialect's, or that of one of the kinds it has.
    """
    found = dialects.get(name)
    if found is None:
        base, _, kind = name.rpartition("-")
        found = getattr(dialects[base], "kinds")[kind]  # noqa: B009 - an attribute that only some have
    return found


def makeServer(options: Options, reactor: Any) -> Server:
    """
    The server that the options describe.
    """
    core = makeCore(options, reactor)
    dialects = makeDialects(options, core)
    relayMaker, argument = specOf("relay", options["relay"], IRelayMaker, options["without"])
    server = Server(core, relayMaker.make(argument, reactor))
    origins = options["allow-origin"]
    for option, description, spoken, isAlone in [
        *(("port", description, list(dialects.values()), False) for description in options["port"]),
        *(("port-for", description, [ownDialect(dialects, name)], True) for name, description in options.portsFor),
    ]:
        try:
            endpoint = endpointFor(reactor, description)
        except (ValueError, TypeError, KeyError) as error:
            raise usage.UsageError(f"--{option}: {description!r} is no endpoint: {error}") from error
        server.addPort(description, endpoint, portFactory(core, spoken, isAlone, origins, options["page"]))
    if options["admin"] != "none":
        try:
            server.admin = Admin(core, reactor, options["admin"], lambda: server.listening)
        except (ValueError, TypeError, KeyError) as error:
            raise usage.UsageError(f"--admin: {options['admin']!r} is no endpoint: {error}") from error
    return server


def chooseTurn(options: Options, reactor: Any) -> str | None:
    """
    Make the reactor lean, unless somebody wants another.

    @return: why it stays as it is.
    """
    if not options.fast.reactor:
        return "so it is wanted"
    if options.parent is not None and "reactor" in options.parent:
        return f"--reactor={options.parent['reactor']} is wanted"
    reason = whyNotLean(reactor)
    if reason is None:
        makeLean(reactor)
    return reason


def makeService(options: Options) -> IService:
    """
    What C{twistd jim} runs.
    """
    from twisted.internet import reactor

    reason = chooseTurn(options, reactor)
    if reason is not None:
        Server.log.info("the reactor is used as it is: {reason}", reason=reason)
    try:
        server = makeServer(options, reactor)
    except usage.UsageError as error:
        raise SystemExit(f"twistd jim: {error}") from error
    server.core.quit = reactor.stop
    if options["log-format"] == "json":
        server.logObserver = observerOf(cast(Any, options.parent), cast(IReactorFromThreads, reactor))
    if options.fast.gc:
        server.freezer = Freezer()
    service: IService = server
    return service
