"""
Where a server listens: endpoint strings, with TLS as it should be.
"""

from __future__ import annotations

import re
from errno import EADDRINUSE
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet import ssl
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import SSL4ServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint

#: Forward secrecy and authenticated encryption, nothing else (ASVS 12.1).
CIPHERS = ssl.AcceptableCiphers.fromOpenSSLCipherString("ECDHE+AESGCM:ECDHE+CHACHA20")

#: What browsers and curl are told that they may speak.  With no protocol at
#: all Twisted 26.10 fails the handshake of every client that offers some.
HTTP = b"http/1.1"

#: Connections that may wait to be taken, where the description does not say; the system caps it (somaxconn).  With
#: Twisted's 50 some of 200 clients that come at once, as after a restart, wait for a second or longer.
BACKLOG = 1024

#: What is said where an endpoint is wanted, or another port.
EXAMPLE = "tcp:9800:interface=127.0.0.1"

TLS = ("ssl:", "tls:")
TLS_TAKES = ("privateKey", "certKey", "extraCertChain", "interface", "backlog")
BEHIND = "haproxy:"  # a proxy, and nothing else

_LISTENS = re.compile(r"(?:haproxy:)?(?:tcp6?|unix):")
_SAYS_BACKLOG = re.compile(r"(?<!\\):backlog=")
_PARTS = re.compile(r"(?:[^:\\]|\\.)*")


def endpointFor(reactor: Any, description: str) -> IStreamServerEndpoint:
    """
    The endpoint of a description such as C{tcp:9733}.  C{ssl:} takes the
    same arguments as Twisted's (C{privateKey}, C{certKey}, C{extraCertChain},
    C{interface}, C{backlog}), and has only modern ciphers, which a string
    could not say.  Without C{backlog} it is L{BACKLOG}.

    @raise ValueError: the description is none; says why.
    """
    if not description.startswith(TLS):
        if _LISTENS.match(description) and not _SAYS_BACKLOG.search(description):
            description += f":backlog={BACKLOG}"
        try:
            plain: IStreamServerEndpoint = serverFromString(reactor, description)
        except LookupError as error:
            raise ValueError("systemd gave this process no such socket") from error
        except (ValueError, TypeError) as error:
            raise ValueError(f"{error}; wanted one such as {EXAMPLE}") from error
        return plain
    port, values = _arguments(description)
    unknown = values.keys() - TLS_TAKES
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: none of {', '.join(TLS_TAKES)}")
    context = tlsContext(values)
    backlog = values.get("backlog", str(BACKLOG))
    if not backlog.isdigit():
        raise ValueError(f"{description!r}: the backlog is {backlog!r}, wanted a number")
    return SSL4ServerEndpoint(reactor, port, context, int(backlog), values.get("interface", ""))


def reasonOf(error: Exception) -> str:
    """
    Why a port could not be had, for who has said which it is.
    """
    cause = error.socketError if isinstance(error, CannotListenError) else error
    if not isinstance(cause, OSError):
        return str(error)
    hint = f": stop what listens there, or choose another port, such as {EXAMPLE}" if cause.errno == EADDRINUSE else ""
    return f"{cause.strerror or cause}{hint}"


def namedWith(description: str, address: Any) -> str:
    """
    An open port for the log, with what a browser opens where it can.

    @param address: where it listens.
    """
    if description.startswith(BEHIND) or not isinstance(address, IPv4Address | IPv6Address):
        return description
    scheme = "https" if description.startswith(TLS) else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return f"{description} ({scheme}://{f'[{host}]' if ':' in host else host}:{address.port}/)"


def tlsContext(values: dict[str, str]) -> ssl.CertificateOptions:
    """
    A context from C{privateKey}, C{certKey} and C{extraCertChain}, which are
    names of PEM files.

    @raise ValueError: one is missing or cannot be read.
    """
    keyFile = values.get("privateKey")
    if not keyFile:
        raise ValueError("TLS needs privateKey=FILE (and certKey=FILE, where that is another one)")
    try:
        # With a passphrase of ours OpenSSL asks nobody for one.
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, _read(keyFile), b"")
    except crypto.Error as error:
        raise ValueError(f"TLS: {keyFile} has no private key that is in PEM and without a passphrase") from error
    certFile = values.get("certKey", keyFile)
    certificate, *chain = _certificates(certFile)
    if "extraCertChain" in values:
        chain += _certificates(values["extraCertChain"])
    options = ssl.CertificateOptions(
        privateKey=key,
        certificate=certificate,
        extraCertChain=chain,
        acceptableCiphers=CIPHERS,
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        acceptableProtocols=[HTTP],
    )
    try:
        options.getContext().set_options(SSL.OP_NO_RENEGOTIATION)
    except SSL.Error as error:
        raise ValueError(f"TLS: {keyFile} is not the key of the first certificate in {certFile}") from error
    return options


def _read(file: str) -> bytes:
    """
    A file.
    """
    try:
        with open(file, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise ValueError(f"TLS: {file} cannot be read: {error.strerror}") from error


def _certificates(file: str) -> list[crypto.X509]:
    """
    All certificates of a PEM file.
    """
    found = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", _read(file), re.S)
    if not found:
        raise ValueError(f"TLS: {file} has no certificate in PEM")
    try:
        return [crypto.load_certificate(crypto.FILETYPE_PEM, one) for one in found]
    except crypto.Error as error:
        raise ValueError(f"TLS: {file} has a certificate that is damaged") from error


def _arguments(description: str) -> tuple[int, dict[str, str]]:
    """
    The port and the named values of an endpoint string.
    """
    parts = [part.replace("\\:", ":").replace("\\\\", "\\") for part in _PARTS.findall(description) if part]
    values: dict[str, str] = {}
    for part in parts[1:]:
        name, found, value = part.partition("=")
        values[name if found else "port"] = value if found else part
    port = values.pop("port", "")
    if not port.isdigit():
        raise ValueError(f"{description!r}: the port is {port!r}, wanted a number")
    return int(port), values
