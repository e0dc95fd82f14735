"""
Who gets into the admin listener.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from imtw.admin.gate import GuardedResource
from imtw.test.admin.harness import AdminTestCase

OPEN = {"healthz", "readyz"}
AWAY = "198.51.100.7"
LOCAL = ("Host: localhost:9734",)


class EveryRoute(AdminTestCase):
    """
    Routes that somebody adds later are tested with the others.
    """

    def routes(self) -> dict[str, Any]:
        """
        All but those that are open to anybody.
        """
        routes = cast(Any, self.admin.site.resource)._routes
        self.assertLessEqual(OPEN, set(routes))
        return {path: resource for path, resource in routes.items() if path not in OPEN}


class ExposureTests(EveryRoute):
    """
    What nobody gets who should not.
    """

    def test_guarded(self) -> None:
        """
        Every route but the two of health is behind the gate.
        """
        for path, resource in self.routes().items():
            self.assertIsInstance(resource, GuardedResource, path)

    def test_withoutSecret(self) -> None:
        """
        Without the secret, or with a wrong one, nothing is reachable from
        another machine, with any method.
        """
        for path in self.routes():
            for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"):
                for secret in ("", "x", self.secret[:-1], self.secret + "x"):
                    answer = self.ask(f"/{path}", secret=secret, peer=AWAY, method=method)
                    self.assertEqual(answer.code, 401, (path, method))
                    self.assertNotIn(self.secret.encode(), answer.body)
                    self.assertEqual(answer.headers["www-authenticate"], "bearer")

    def test_localWithoutSecret(self) -> None:
        """
        On the machine itself only the metrics can be had without it.
        """
        answers = {path: self.ask(f"/{path}", secret="").code for path in self.routes()}
        self.assertEqual({path for path, code in answers.items() if code != 401}, {"metrics"})

    def test_origin(self) -> None:
        """
        A request of a web page is refused, also with the secret.
        """
        for path in self.routes():
            for origin in ("http://evil.example", "http://localhost:9734", "null", ""):
                answer = self.ask(f"/{path}", headers=(*LOCAL, f"Origin: {origin}"))
                self.assertEqual(answer.code, 403, (path, origin))
                self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_foreignHost(self) -> None:
        """
        A name that was pointed at this machine is refused (DNS rebinding),
        also with the secret, except for the metrics, which a scraper on
        another machine asks for by that machine's name.
        """
        foreign = ("evil.example", "evil.example:9734", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1")
        for path in self.routes():
            for host in foreign:
                headers = (f"Host: {host}",)
                self.assertEqual(self.ask(f"/{path}", secret="", headers=headers).code, 403, (path, host))
                known = self.ask(f"/{path}", headers=headers, method="TRACE").code
                self.assertEqual(known, 405 if path == "metrics" else 403, (path, host))

    def test_oneHost(self) -> None:
        """
        There has to be one host, and not two of which one is ours.
        """
        for path in self.routes():
            for headers in ((), ("Host: localhost", "Host: evil.example"), ("Host: evil.example", "Host: localhost")):
                code = self.ask(f"/{path}", secret="", headers=headers).code
                self.assertIn(code, (400, 403), (path, headers))

    def test_localHosts(self) -> None:
        """
        All names and addresses of this machine will do.
        """
        for host in ("localhost", "localhost:9734", "127.0.0.1:9734", "127.8.9.1", "[::1]:9734", "[::1]"):
            self.assertEqual(self.ask("/users", headers=(f"Host: {host}",)).code, 200, host)

    def test_unknown(self) -> None:
        """
        What is not there is not there for anybody.
        """
        for path in ("/", "/user", "/debug", "/../users", "//users"):
            self.assertEqual(self.ask(path, secret="").code, 404, path)
        for path in ("/users/x", "/metrics/x", "/users/add/", "/users/"):
            self.assertEqual(self.ask(path, secret="", peer=AWAY).code, 401, path)
            self.assertEqual(self.ask(path).code, 404, path)

    def test_secretIsNew(self) -> None:
        """
        Each process has a secret of its own, of 256 bits.
        """
        first, self.secret = self.secret, ""
        super().setUp()
        self.assertNotEqual(self.secret, first)
        self.assertEqual(len(self.secret), 43)


class MetricsGateTests(EveryRoute):
    """
    Who sees the metrics.
    """

    apiSecret = "the same after a restart"

    def code(self, **more: Any) -> int:
        """
        How asking for them ends.
        """
        return self.ask("/metrics", **more).code

    def test_local(self) -> None:
        """
        A program on this machine needs no secret.
        """
        self.assertEqual(self.code(secret=""), 200)

    def test_away(self) -> None:
        """
        From elsewhere a secret is needed: this process's, or the one of
        C{--api-secret-file}.
        """
        headers = ("Host: im.example.org:9734",)
        self.assertEqual(self.code(secret="", peer=AWAY), 401)
        self.assertEqual(self.code(secret="wrong", peer=AWAY), 401)
        self.assertEqual(self.code(peer=AWAY, headers=headers), 200)
        self.assertEqual(self.code(secret=self.apiSecret, peer=AWAY, headers=headers), 200)

    def test_forwarded(self) -> None:
        """
        What a proxy on this machine passes on does not count as local.
        """
        for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"):
            headers = (*LOCAL, f"{name}: 203.0.113.9")
            self.assertEqual(self.code(secret="", headers=headers), 401, name)
            self.assertEqual(self.code(headers=headers), 200, name)

    def test_apiSecretIsNotEnough(self) -> None:
        """
        The secret for HTTP callers opens the metrics and nothing else.
        """
        for path in self.routes():
            expected = 200 if path == "metrics" else 401
            self.assertEqual(self.ask(f"/{path}", secret=self.apiSecret).code, expected, path)


class EmptySecretTests(SynchronousTestCase):
    """
    An empty secret opens nothing.
    """

    def test_empty(self) -> None:
        """
        Where no C{--api-secret-file} was given an empty token is wrong.
        """
        case = AdminTestCase()
        case.setUp()
        for header in ("Authorization: Bearer", "Authorization: Bearer ", "Authorization: Basic Og=="):
            answer = case.ask("/metrics", secret="", peer=AWAY, headers=(*LOCAL, header))
            self.assertEqual(answer.code, 401, header)


class HealthTests(AdminTestCase):
    """
    What anybody may ask.
    """

    def test_anybody(self) -> None:
        """
        A balancer on another machine that knows nothing gets its answer, and
        nothing besides.
        """
        for path, body in (("/healthz", {"alive": True}), ("/readyz", {"ready": True})):
            answer = self.ask(path, secret="", peer=AWAY, headers=("Host: im.example.org",))
            self.assertEqual((answer.code, answer.json), (200, body))
            answer = self.ask(path, secret="", peer=AWAY, method="HEAD")
            self.assertEqual((answer.code, answer.body), (200, b""))

    def test_sickStore(self) -> None:
        """
        While the store cannot be written the server lives, and is not ready.
        """
        self.store.healthy = False
        self.assertEqual(self.ask("/healthz", secret="").code, 200)
        answer = self.ask("/readyz", secret="")
        self.assertEqual((answer.code, answer.json), (503, {"ready": False}))
        self.store.healthy = True
        self.assertEqual(self.ask("/readyz", secret="").code, 200)
