"""
The options of C{twistd jim}: what they are, and what their values have to be.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec
from twisted.python import usage

from imtw.errors import PluginLookupError
from imtw.fast import ALL, PATHS, fastWithout
from imtw.interfaces import IDialectMaker
from imtw.limits import Limits
from imtw.plugin import KINDS, findMaker, findMakers

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

#: What browsers send: with a scheme, and with nothing behind the port (RFC 6454, 6.2).
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+")


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
        Take the plain way in place of a fast path: reactor, send, frames, cork, beats, gc, or all; again for more.
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

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the options.  What is wrong with them is one line; C{twistd}
        would say all of C{--help} in front of it.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            if self.parent is None:
                raise
            raise SystemExit(f"twistd jim: {error}; --help lists the options") from error

    def parseArgs(self, *rest: str) -> None:
        """
        Refuse what is no option.
        """
        if rest:
            raise usage.UsageError(f"{rest[0]!r} is no option")

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
        for origin in self["allow-origin"]:
            if not ORIGIN.fullmatch(origin):
                raise usage.UsageError(f"--allow-origin: {origin!r} is not SCHEME://HOST or SCHEME://HOST:PORT")
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
        kinds = {field.name: field.type for field in msgspec.structs.fields(Limits)}
        wanted = [("notice-limit", "noticed", self["notice-limit"]), ("list-limit", "usersListed", self["list-limit"])]
        wanted += [("limit", *pairOf("limit", text, "NAME=VALUE")) for text in self["limit"]]
        values: dict[str, Any] = {}
        for option, name, value in wanted:
            choose(option, name, kinds)
            try:
                values[name] = msgspec.convert(value, kinds[name], strict=False)
            except msgspec.ValidationError as error:
                raise usage.UsageError(f"--{option}: {name} is {value!r}: e{str(error)[1:]}") from error
        return Limits(**values)

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
        except OSError as error:
            raise usage.UsageError(f"--api-secret-file: {file} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise usage.UsageError(f"--api-secret-file: {file} is no text in UTF-8: {error}") from error
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
        shape = "" if ":" in text else "; wanted NAME:ARGUMENT"
        raise usage.UsageError(f"--{option}: {error}{shape}") from error


def offeredDialects(without: Sequence[str]) -> list[Any]:
    """
    The declarations of the dialects that are switched on and have all they
    need.
    """
    return [maker for maker in findMakers(IDialectMaker, without) if not maker.missing()]
