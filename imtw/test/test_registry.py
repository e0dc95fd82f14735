"""
One handler answers one command.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from imtw.commands import Command, Nothing, Reply
from imtw.errors import PluginLookupError
from imtw.interfaces import ICommandHandler, ISession
from imtw.registry import LARGEST_CODE, Registry


@implementer(ICommandHandler)
class Answer:
    """
    Answers a command, C{code} and C{name}.
    """

    def __init__(self, code: int, name: str) -> None:
        self.command = Command(code, name, Nothing, code)

    def handle(self, request: Nothing, session: ISession) -> Reply:
        return Reply()


class Another(Answer):
    """
    Somebody else's.
    """


class RegistryTests(SynchronousTestCase):
    """
    L{Registry}.
    """

    def test_found(self) -> None:
        """
        A handler is found by its command's code and by its name.
        """
        registry = Registry()
        handler = Answer(21, "poll")
        registry.register(handler)
        self.assertIs(registry.byCode[21], handler)
        self.assertIs(registry.byName["poll"], handler)

    def test_inOrder(self) -> None:
        """
        Handlers are listed by code, whatever came first.
        """
        registry = Registry([Answer(30, "c"), Answer(2, "b"), Answer(126, "a")])
        self.assertEqual([handler.command.code for handler in registry], [2, 30, 126])

    def test_oneToACode(self) -> None:
        """
        Two handlers for one code are an error that names both and says what
        to do.
        """
        registry = Registry([Answer(21, "poll")])
        error = self.assertRaises(PluginLookupError, registry.register, Another(21, "vote"))
        for word in ("Answer", "Another", "21", "vote", "--without"):
            self.assertIn(word, str(error))
        self.assertIsInstance(registry.byCode[21], Answer)
        self.assertNotIn("vote", registry.byName)

    def test_oneToAName(self) -> None:
        """
        So are two for one name.
        """
        registry = Registry([Answer(21, "poll")])
        error = self.assertRaises(PluginLookupError, registry.register, Another(22, "poll"))
        for word in ("Answer", "Another", "poll"):
            self.assertIn(word, str(error))
        self.assertNotIn(22, registry.byCode)

    def test_namesThatFit(self) -> None:
        """
        A name has to be one that a path can have.
        """
        registry = Registry([Answer(21, "poll-2")])
        for name in ("", "two words", "a/b", "Poll", "-a", "a-", "2nd", "投票"):
            error = self.assertRaises(PluginLookupError, registry.register, Answer(22, name))
            for word in (repr(name), "test_registry.Answer"):
                self.assertIn(word, str(error))

    def test_requestsThatCanBeRead(self) -> None:
        """
        A request has to be a Struct.
        """
        handler = Answer(21, "poll")
        for request in (dict, None, {"text": str}):
            handler.command = Command(21, "poll", request, 21)  # type: ignore[arg-type]
            error = self.assertRaises(PluginLookupError, Registry().register, handler)
            for word in ("'poll'", repr(request), "Struct"):
                self.assertIn(word, str(error))

    def test_codesThatFit(self) -> None:
        """
        A code is one that a frame can carry; the error has the value met and
        those wanted.
        """
        Registry([Answer(1, "least"), Answer(LARGEST_CODE, "most")])
        for code in (-1, 0, LARGEST_CODE + 1, 1000):
            error = self.assertRaises(PluginLookupError, Registry, [Answer(code, "odd")])
            self.assertIn(f"its code is {code}, wanted 1 to 126", str(error))
