"""
Plugins are declared and found, or an error says why not.
"""

from __future__ import annotations

from imtw.errors import PluginLookupError
from imtw.interfaces import IFilterMaker, IHandlerMaker, IRelayMaker, IStoreMaker
from imtw.plugin import FilterMaker, HandlerMaker, Maker, findMaker, findMakers
from imtw.test.distributions import HANDLER, PluginTestCase


class FindingTests(PluginTestCase):
    """
    L{findMakers} and L{findMaker}.
    """

    def test_byName(self) -> None:
        """
        Plugins come in order of their names, whichever module they are in.
        """
        self.install(
            acme_one_plugin=HANDLER.format(variable="a", name="zebra", made="Handler"),
            acme_two_plugin=HANDLER.format(variable="b", name="aardvark", made="Handler"),
        )
        names = self.names(IHandlerMaker)
        self.assertEqual(names, sorted(names))
        self.assertEqual((names[0], names[-1]), ("aardvark", "zebra"))

    def test_without(self) -> None:
        """
        What is switched off is not found, and nothing else goes with it.
        """
        everything = self.names(IHandlerMaker)
        self.assertEqual(self.names(IHandlerMaker, ["recall"]), [name for name in everything if name != "recall"])
        self.assertRaises(PluginLookupError, findMaker, IHandlerMaker, "recall", ["recall"])

    def test_found(self) -> None:
        """
        A plugin is found by its name, among its kind.
        """
        self.assertEqual(findMaker(IStoreMaker, "none").name, "none")
        self.assertNotEqual(findMaker(IStoreMaker, "none"), findMaker(IRelayMaker, "none"))

    def test_notFound(self) -> None:
        """
        A name that is not there is an error that has it, and lists those
        there are.
        """
        error = self.assertRaises(PluginLookupError, findMaker, IStoreMaker, "sqlit")
        self.assertEqual(str(error), f"'sqlit' is none of the stores there are: {', '.join(self.names(IStoreMaker))}")
        error = self.assertRaises(PluginLookupError, findMaker, IFilterMaker, "badwords")
        self.assertEqual(str(error), "'badwords' is none of the chat filters there are: none")

    def test_twoOfAName(self) -> None:
        """
        Two plugins of one name are an error that names both, unless the name
        is switched off.
        """
        self.install(
            acme_one_plugin=HANDLER.format(variable="a", name="thing", made="Handler"),
            acme_two_plugin=HANDLER.format(variable="b", name="thing", made="Twin"),
        )
        error = self.assertRaises(PluginLookupError, findMakers, IHandlerMaker)
        for word in ("'thing'", "acme_things.Handler", "acme_things.Twin"):
            self.assertIn(word, str(error))
        self.assertNotIn("thing", self.names(IHandlerMaker, ["thing"]))

    def test_sameNameOfOtherKinds(self) -> None:
        """
        A command and a filter may have one name.
        """
        self.install(
            acme_one_plugin=HANDLER.format(variable="a", name="thing", made="Handler"),
            acme_two_plugin="from imtw.plugin import FilterMaker\nb = FilterMaker('thing', 'acme_things.Filter')",
        )
        self.assertIn("thing", self.names(IHandlerMaker))
        self.assertEqual(self.names(IFilterMaker), ["thing"])


class MakerTests(PluginTestCase):
    """
    L{Maker}.
    """

    def test_making(self) -> None:
        """
        A declaration hands on what the class is made with, and takes any
        callable.
        """
        self.assertEqual(Maker("a", "fractions.Fraction").make(3, 6), Maker("b", "fractions.Fraction").make(1, 2))

    def test_notThere(self) -> None:
        """
        A class that is not there, or whose module is broken, is an error that
        has the plugin's name, the class's and the reason.
        """
        self.install(acme_broken="import nosuchlibrary", acme_wrong="def oops(:")
        for dottedName, reason in [
            ("acme_nowhere.Handler", "acme_nowhere"),
            ("acme_broken.Handler", "nosuchlibrary"),
            ("acme_wrong.Handler", "invalid syntax"),
            ("os.path.Handler", "Handler"),
        ]:
            error = self.assertRaises(PluginLookupError, HandlerMaker("thing", dottedName).make, None)
            for word in ("'thing'", dottedName, reason):
                self.assertIn(word, str(error))

    def test_notMade(self) -> None:
        """
        So is one that cannot be made, with the place where it failed, and one
        that is not what was declared, with what is missing.
        """
        self.install(
            acme_bad="""
            class Failing:
                def __init__(self, core):
                    core.nothing

            class Bare:
                def __init__(self, core):
                    pass

            class Half(Bare):
                command = None
            """
        )
        for name, words in [
            ("Failing", ("AttributeError", "'nothing'", "acme_bad.py, line 4")),
            ("Bare", ("command", "handle")),
            ("Half", ("handle",)),
        ]:
            error = self.assertRaises(PluginLookupError, HandlerMaker("thing", f"acme_bad.{name}").make, None)
            for word in ("'thing'", f"acme_bad.{name}", *words):
                self.assertIn(word, str(error))
            self.assertNotIn("\n", str(error))

    def test_shown(self) -> None:
        """
        A declaration shows as it was written.
        """
        self.assertEqual(repr(FilterMaker("a", "b.C", "help")), "FilterMaker('a', 'b.C')")
