"""
C{twistd jim}: the server that its options describe.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from functools import partial
from itertools import chain, repeat
from typing import Any, cast

from twisted.application.service import IService
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python import usage

from imtw.accounts.login import Accounts
from imtw.admin.jsonlog import observerOf
from imtw.admin.listener import Admin
from imtw.collector import Freezer
from imtw.errors import PluginLookupError
from imtw.interfaces import (
    ICheckerMaker,
    IDialect,
    IFilterMaker,
    IHandlerMaker,
    IPolicyMaker,
    IRelay,
    IRelayMaker,
    IStore,
    IStoreMaker,
)
from imtw.options import Options as Options  # twistd looks for it here
from imtw.options import offeredDialects, specOf
from imtw.plugin import findMakers
from imtw.protocols.commandroutes import commandRoutes
from imtw.protocols.detect import PortFactory
from imtw.protocols.listen import endpointFor
from imtw.protocols.routing import Root
from imtw.protocols.site import BoundedSite
from imtw.protocols.upgrade import UpgradeResource
from imtw.protocols.websocket.factory import SocketFactory
from imtw.reactor import makeLean, whyNotLean
from imtw.server import Core
from imtw.service import Server
from imtw.web.resources import pageRoutes


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
        core.members.usePolicies([(maker.name, maker.make(core)) for maker in findMakers(IPolicyMaker, without)])
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
    rules = factory.rules
    routes = commandRoutes(core) if rules.elsewhere is None else {}
    if rules.elsewhere is not None:
        page = None
    elif page is None:
        routes.update(pageRoutes())
    for dialect in dialects:
        routes.update(dialect.resources())
    factory.sockets = SocketFactory(
        core.clock, core.cork, core.limits, factory.whoSpeaks, origins, rules.acceptsUnmasked, core.counters
    )
    factory.site = BoundedSite(core, Root(routes, page, UpgradeResource(factory), rules.elsewhere), origins)
    factory.site.quotes = any(dialect.quotesTargets for dialect in dialects)
    return factory


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


def makeRelay(options: Options, reactor: Any) -> IRelay:
    """
    What tells other nodes.
    """
    maker, argument = specOf("relay", options["relay"], IRelayMaker, options["without"])
    try:
        relay: IRelay = maker.make(argument, reactor)
    except PluginLookupError as error:
        raise usage.UsageError(str(error)) from error
    return relay


def ownDialect(dialects: dict[str, IDialect], name: str) -> IDialect:
    """
    Who speaks on a port of one dialect alone.

    @param name: the dialect's, or that of one of the kinds it has.
    """
    found = dialects.get(name)
    if found is None:
        base, _, kind = name.rpartition("-")
        found = dialects[base].kinds[kind]
    return found


def makeServer(options: Options, reactor: Any) -> Server:
    """
    The server that the options describe.
    """
    core = makeCore(options, reactor)
    dialects = makeDialects(options, core)
    server = Server(core, makeRelay(options, reactor))
    origins = options["allow-origin"]
    for option, description, spoken, isAlone in [
        *(("port", description, list(dialects.values()), False) for description in options["port"]),
        *(("port-for", description, [ownDialect(dialects, name)], True) for name, description in options.portsFor),
    ]:
        try:
            endpoint = endpointFor(reactor, description)
        except ValueError as error:
            raise usage.UsageError(f"--{option}: {description!r} is no endpoint: {error}") from error
        server.addPort(description, endpoint, portFactory(core, spoken, isAlone, origins, options["page"]))
    if options["admin"] != "none":
        try:
            server.admin = Admin(core, reactor, options["admin"], lambda: server.listening)
        except ValueError as error:
            raise usage.UsageError(f"--admin: {options['admin']!r} is no endpoint: {error}") from error
    return server


def chooseTurn(options: Options, reactor: Any) -> str | None:
    """
    Make the reactor lean, unless somebody wants another.

    @return: why it stays as it is.
    """
    if not options.fast.reactor:
        return "--slow says so"
    if options.parent is not None and "reactor" in options.parent:
        return f"--reactor={options.parent['reactor']} is wanted"
    reason = whyNotLean(reactor)
    if reason is None:
        makeLean(reactor)
    return reason


def giveUp(reactor: Any) -> None:
    """
    Stop a reactor that runs, or is just about to, and have the process end
    with status 1.  C{twistd} would end with 0, or by a signal, and a service
    manager would take either for a stop that was wanted.
    """
    atexit.register(os._exit, 1)  # the last that is registered is the first to be called, and all is done by then
    reactor.callWhenRunning(reactor.stop)


def stopTwice(reactor: Any, core: Core) -> None:
    """
    Have a second signal say that nobody is to be waited for.  Twisted would
    stop once more, which fails, and log that.
    """
    stops = chain([reactor.stop], repeat(core.hurry))
    reactor.stop = lambda: next(stops)()


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
    stopTwice(reactor, server.core)
    server.core.quit = reactor.stop
    server.giveUp = partial(giveUp, reactor)
    if options["log-format"] == "json":
        server.logObserver = observerOf(cast(Any, options.parent), cast(IReactorFromThreads, reactor))
    if options.fast.gc:
        server.freezer = Freezer()
    service: IService = server
    return service
