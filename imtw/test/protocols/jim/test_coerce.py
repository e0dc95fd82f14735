"""
Tests of L{imtw.protocols.jim.coerce} and L{imtw.protocols.jim.values}.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, defstruct, field
from twisted.trial.unittest import SynchronousTestCase

from imtw.protocols.jim.coerce import checks, convert
from imtw.protocols.jim.lenient import MAX_DEPTH, parse
from imtw.protocols.jim.values import tidy


class Colour(Enum):
    """
    A type that only msgspec can judge.
    """

    RED = "red"


class Inner(Struct, forbid_unknown_fields=True):
    """
    An object in an object.
    """

    howMany: int = 7


class Everything(Struct, forbid_unknown_fields=True):
    """
    A field of each type that bodies use.
    """

    text: str | None = None
    whole: int | None = None
    broken: float | None = None
    flag: bool | None = None
    count: int = 3
    extras: dict[str, Any] | None = None
    any: Any = None
    numbers: list[int] | None = None
    inner: Inner | None = None
    inners: list[Inner] | None = None
    byName: dict[str, int] | None = None
    colour: Colour | None = None
    group_id: str | None = None
    sender: str | None = field(default=None, name="from")


class Strict(Struct, forbid_unknown_fields=True):
    """
    Fields that must be there, and one that must not be long.
    """

    id: Annotated[str, Meta(min_length=1, max_length=3)]
    time: int


class Recursive(Struct, forbid_unknown_fields=True):
    """
    An object that holds its like.
    """

    name: str | None = None
    users: list[Recursive] = field(default_factory=list)


class Frozen(Struct, frozen=True, forbid_unknown_fields=True):
    """
    Nothing here needs a check.
    """

    text: str
    size: Annotated[int, Meta(ge=0, le=9)] = 0


class Loose(Struct):
    """
    msgspec would skip the keys it does not know.
    """

    text: str | None = None


class ConvertTests(SynchronousTestCase):
    """
    Tests of L{convert}.
    """

    def check(self, name: str, given: object, wanted: object) -> None:
        """
        The value given for a field is taken as the one wanted, of that type.
        """
        made = getattr(convert({name: given}, Everything), name)
        self.assertEqual((made, type(made)), (wanted, type(wanted)), f"{name}: {given!r}")

    def refused(self, name: str, *given: object) -> None:
        """
        None of the values will do for the field, and so for the body.
        """
        for value in given:
            self.assertRaises(ValueError, convert, {name: value}, Everything)

    def test_text(self) -> None:
        """
        Where a text is wanted, all else becomes its JSON text, compact.
        """
        cases: list[tuple[object, object]] = [
            ("x", "x"), ("", ""), ("null", "null"), (None, None), (3.5, "3.5"), (123, "123"), (-1, "-1"),
            (12345678901234567890123, "12345678901234567890123"), (True, "true"), (False, "false"),
            ({"k": [1, "二", None, {"n": None}]}, '{"k":[1,"二",null,{}]}'), ([], "[]"), ({}, "{}"),
        ]  # fmt: skip
        for given, wanted in cases:
            self.check("text", given, wanted)

    def test_fractionAsText(self) -> None:
        """
        Where a text is wanted, a fraction keeps what fastjson keeps of it:
        its digits, zeros too, but not the way it was spelled.
        """
        cases = {
            "1.50": "1.50", "0.10": "0.10", "-2.00": "-2.00", "1.0": "1.0", "100.0": "100.0", "1e5": "1E+5",
            "1E5": "1E+5", "1.5e3": "1.5E+3", "12.5e1": "125", "0.0000001": "1E-7", "-0.0": "0.0",
            "0.000001": "0.000001", "0.00000099": "9.9E-7", "0.00": "0.00", "0.0000000": "0E-7", "-0.00": "0.00",
            "1e-400": "1E-400", "-1e-400": "-1E-400",
            "3.14159265358979323846264338327950288": "3.14159265358979323846264338327950288",
        }  # fmt: skip
        for given, wanted in cases.items():
            for spelling in (f'{{"text":{given}}}', f"{{text:{given}}}"):
                self.assertEqual(convert(parse(spelling.encode()), Everything).text, wanted, spelling)
        nested = convert(parse(b'{"text":{"a":[1.50,{"b":2.0}],"c":1e5}}'), Everything)
        self.assertEqual(nested.text, '{"a":[1.50,{"b":2.0}],"c":1E+5}')
        for given in ("1e-99999999999999999999", "1." + "0" * 99, "1e999"):
            for spelling in (f'{{"text":{given}}}', f"{{text:{given}}}"):
                with self.assertRaises(ValueError, msg=spelling):
                    convert(parse(spelling.encode()), Everything)

    def test_fractionElsewhere(self) -> None:
        """
        Anywhere else it is a number.
        """
        body = b'{"extras":{"a":[1.50,{"b":2.0}]},"whole":7.90,"broken":1.50}'
        made = convert(parse(body), Everything)
        self.assertEqual((made.extras, made.whole, made.broken), ({"a": [1.5, {"b": 2.0}]}, 7, 1.5))
        self.assertEqual(msgspec.json.encode(made.extras), b'{"a":[1.5,{"b":2.0}]}')
        self.assertIs(type(made.broken), float)

    def test_integer(self) -> None:
        """
        Where an integer is wanted, texts that are numbers are, C{""} and
        C{"null"} are absent, fractions are cut off.
        """
        for given, wanted in [
            (2, 2), ("2", 2), ("-2", -2), ("+2", 2), ("007", 7), ("1,000", 1000), ("1,000,000", 1000000),
            ("1527133207581", 1527133207581), ("", None), ("null", None), ("NULL", None), (None, None),
            (True, 1), (False, 0), (2.5, 2), (-2.5, -2), ("2.5", 2), ("2.", 2),
            ("1e3", 1000), (1e3, 1000), (2**63 - 1, 2**63 - 1), (str(-(2**63)), -(2**63)),
        ]:  # fmt: skip
            self.check("whole", given, wanted)

    def test_notIntegers(self) -> None:
        """
        Other texts, and what no store can keep, spoil the body.
        """
        self.refused(
            "whole", "text", "2x", " 2", "2 ", ",1", "0x10", "1_0", "１", "NaN", "inf", "-", ".5", "e5", "1e999", "nul"
        )
        self.refused("whole", 2**63, -(2**63) - 1, str(2**63), 10**99, 1e19, 1e300, "9" * 200, {}, [], [1], {"a": 1})

    def test_decimal(self) -> None:
        """
        Where a decimal is wanted it is much the same.
        """
        for given, wanted in [
            (2, 2.0), (2.5, 2.5), ("2.5", 2.5), ("1,000.5", 1000.5), ("", None), ("null", None), (None, None),
            (True, 1.0), (10**30, 1e30),
        ]:  # fmt: skip
            self.check("broken", given, wanted)
        self.refused(
            "broken", "x", "NaN", "inf", "Infinity", "1e999", " 1", "1_0", 10**400, float("inf"), float("nan"), {}, []
        )

    def test_flag(self) -> None:
        """
        Where a flag is wanted, 1 is true and so is a text that says so.
        """
        for given, wanted in [
            (True, True), (False, False), (1, True), (0, False), (2, False), ("true", True), ("FALSE", False),
            ("1", True), ("0", False), ("", None), ("null", None), (None, None),
        ]:  # fmt: skip
            self.check("flag", given, wanted)
        self.refused("flag", "x", "2", {}, [])

    def test_object(self) -> None:
        """
        Where an object is wanted only that will do; members that are null
        are dropped at any depth, nulls in arrays stay.
        """
        self.check(
            "extras", {"a": None, "b": {"c": None, "d": 1}, "e": [None, {"f": None}]}, {"b": {"d": 1}, "e": [None, {}]}
        )
        self.check("extras", None, None)
        self.check("extras", {}, {})
        self.refused("extras", [1, 2], "text", '{"a":1}', "", "null", 1, True)

    def test_others(self) -> None:
        """
        Arrays, objects of one type and bodies in bodies are gone through.
        """
        self.check("numbers", ["1", 2, 3.5, True], [1, 2, 3, 1])
        self.check("byName", {"a": "1", "b": None}, {"a": 1})
        self.check("inner", {"HOW_MANY": "5", "x": 1}, Inner(5))
        self.check("inners", [{}, {"howmany": None}], [Inner(7), Inner(7)])
        self.check("colour", "red", Colour.RED)
        self.check("any", [None, {"a": None}], [None, {}])
        self.refused("numbers", "1", 1, {}, ["x"])
        self.refused("byName", [], 1, {"a": "x"})
        self.refused("inner", [], 1, "x")
        self.refused("inners", {}, [1], [None])
        self.refused("colour", "blue", 1)

    def test_nullLeavesTheDefault(self) -> None:
        """
        Of a field that cannot be null, null leaves the default.
        """
        for given in (None, "", "null"):
            self.check("count", given, 3)

    def test_keys(self) -> None:
        """
        Keys are compared without case, C{_} and C{-}, on both sides (D-22).
        """
        for key in ("group_id", "groupId", "GroupId", "GROUP-ID", "groupid", "_g_roup__id-"):
            self.assertEqual(convert({key: "1"}, Everything).group_id, "1", key)
        for key in ("from", "From", "f-rom"):
            self.assertEqual(convert({key: "1"}, Everything).sender, "1", key)

    def test_otherKeys(self) -> None:
        """
        Keys that are no field's are dropped, whatever they are in Python.
        """
        given = {
            "sender": "x",
            "__proto__": {"text": "x"},
            "__class__": 1,
            "__struct_fields__": 2,
            "": 3,
            "_": 4,
            "-": 5,
        }
        self.assertEqual(convert(given, Everything), Everything())

    def test_exactKeyWins(self) -> None:
        """
        The key as the field is called wins, before or after others; of those
        the last.
        """
        self.assertEqual(convert({"groupId": "1", "group_id": "2"}, Everything).group_id, "2")
        self.assertEqual(convert({"group_id": "2", "groupId": "1"}, Everything).group_id, "2")
        self.assertEqual(convert({"GROUPID": "2", "groupId": "1"}, Everything).group_id, "1")
        self.assertEqual(convert({"COUNT": "2", "Count": None}, Everything).count, 3)

    def test_whatMustBeThere(self) -> None:
        """
        A field without a default must be there, and what its type says about
        its values holds.
        """
        self.assertEqual(convert({"ID": 12, "time": "5"}, Strict), Strict("12", 5))
        bad: list[dict[str, object]] = [
            {"id": "1"}, {"id": "1", "time": None}, {"id": "1", "time": ""}, {"id": "", "time": 5},
            {"id": 1234, "time": 5},
        ]  # fmt: skip
        for given in bad:
            self.assertRaises(ValueError, convert, given, Strict)

    def test_notAnObject(self) -> None:
        """
        A body is an object.
        """
        bodies: list[object] = [None, [], [{}], 1, "x", True]
        for given in bodies:
            self.assertRaises(ValueError, convert, given, Everything)

    def test_recursive(self) -> None:
        """
        A type may hold itself.
        """
        given = {"Name": 1, "users": [{"name": 2, "users": []}]}
        self.assertEqual(convert(given, Recursive), Recursive("1", [Recursive("2", [])]))


class TidyTests(SynchronousTestCase):
    """
    Tests of L{tidy}.
    """

    def test_depth(self) -> None:
        """
        What is in a body may be one level less deep than the body.
        """
        value: object = 1
        for _ in range(MAX_DEPTH - 1):
            value = [value]
        self.assertIs(tidy(value), value)
        self.assertRaises(ValueError, tidy, [value])
        for _ in range(5000):
            value = {"a": value}
        self.assertRaises(ValueError, tidy, value)

    def test_digits(self) -> None:
        """
        Integers have at most 100 digits, here, too.
        """
        for given in (10**100 - 1, 1 - 10**100):
            self.assertEqual(tidy({"a": [given]}), {"a": [given]})
        for given in (10**100, -(10**100)):
            self.assertRaises(ValueError, tidy, {"a": [given]})


class ChecksTests(SynchronousTestCase):
    """
    Tests of L{checks}.
    """

    def test_nothingLeft(self) -> None:
        """
        Texts and bounded integers need no check after msgspec.
        """
        self.assertEqual(checks(Frozen), {})
        self.assertEqual(checks(Recursive), {})

    def test_left(self) -> None:
        """
        Decimals, integers without bounds and free objects do.
        """

        class Some(Struct, forbid_unknown_fields=True):
            text: str
            size: int
            begin: float | None = None
            extras: dict[str, Any] = field(default_factory=dict)

        self.assertEqual(list(checks(Some) or ()), ["size", "begin", "extras"])

    def test_tooInvolved(self) -> None:
        """
        If they are further down, or keys would be skipped, msgspec is not
        asked at all.
        """
        self.assertIsNone(checks(Everything))
        self.assertIsNone(checks(Loose))

    def test_nullInWords(self) -> None:
        """
        Nor where it would take a text that says null for an object or an
        array that may be none.
        """
        for kind in (dict[str, Any], list[str], Frozen):
            self.assertIsNone(checks(defstruct("Some", [("more", kind | None, None)], forbid_unknown_fields=True)))
            self.assertIsNotNone(checks(defstruct("Some", [("more", kind)], forbid_unknown_fields=True)))
