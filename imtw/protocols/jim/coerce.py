"""
What fastjson makes of an object whose keys are not spelled as the fields of a
body are, and whose values are not of their types (docs/wire/jim.rst, JSON
rules).

It is driven by the types alone: L{msgspec.inspect} says what a Struct holds,
a plan is made of it once, and msgspec itself checks what the plan has made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, inspect

from imtw.protocols.jim.lenient import Written
from imtw.protocols.jim.values import LEAST, MOST, Mismatch, decimal, flag, integer, text, tidy

S = TypeVar("S", bound=Struct)

LONGEST_KEY = 64  # characters of a key that may fold to a field's

# Makes a value of the field's type, or None for one that counts as absent.
Coercer = Callable[[Any], Any]


def fold(key: str) -> str:
    """
    What is left of a key: no matter of case, C{_} or C{-} (D-22).
    """
    return key.lower().replace("_", "").replace("-", "")


def convert(value: object, type_: type[S]) -> S:
    """
    Make a body of a parsed JSON value.

    A key that is spelled as the field wins over one that only folds to it,
    else the last of those wins; other keys are dropped.

    @param value: what L{imtw.protocols.jim.lenient.parse} gave; it may be
        changed.
    @raise ValueError: it is no object, a value cannot be turned into what its
        field wants, or a field that must be there is not.
    """
    return msgspec.convert(_shape(type_, value), type_, strict=False)


def checks(type_: type[Struct]) -> dict[str, Coercer] | None:
    """
    What is still to be done to a body that msgspec has decoded by itself,
    letting texts be numbers: it takes "NaN", integers of any size, null
    members, and "null" for an object that may be none.

    @return: by attribute, what to put such a field's value through if it is
        not L{None}; or L{None} if msgspec cannot be trusted with it: the body
        is too involved, or keys that are only spelled otherwise would be lost.
    """
    if not _info(type_).forbid_unknown_fields:
        return None
    found: dict[str, Coercer] = {}
    for field in _info(type_).fields:
        kind = _notNone(field.type)
        if _hidesNull(field.type):
            return None
        if isinstance(kind, inspect.IntType | inspect.FloatType | inspect.AnyType) or _isObject(kind):
            if not _isSafe(kind, set()):
                found[field.name] = _coercer(kind)
        elif not _isSafe(kind, set()):
            return None
    return found


def _isSafe(kind: inspect.Type, seen: set[type]) -> bool:
    """
    Whether nothing of this type, as msgspec takes it, needs a check.
    """
    if isinstance(kind, inspect.IntType):
        return kind.ge is not None and kind.le is not None and kind.ge >= LEAST and kind.le <= MOST
    if isinstance(kind, inspect.UnionType):
        return not _hidesNull(kind) and all(_isSafe(one, seen) for one in kind.types)
    if isinstance(kind, inspect.ListType):
        return _isSafe(kind.item_type, seen)
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return True
        seen.add(kind.cls)
        return kind.forbid_unknown_fields and all(_isSafe(field.type, seen) for field in kind.fields)
    return isinstance(kind, inspect.StrType | inspect.BoolType | inspect.NoneType | inspect.EnumType)


def _hidesNull(kind: inspect.Type) -> bool:
    """
    Would msgspec take a text that says null for this, which is an array or an
    object, or nothing?
    """
    return _takesNone(kind) and isinstance(_notNone(kind), inspect.DictType | inspect.ListType | inspect.StructType)


def _isObject(kind: inspect.Type) -> bool:
    """
    Whether it is C{dict[str, Any]}.
    """
    return isinstance(kind, inspect.DictType) and isinstance(kind.value_type, inspect.AnyType)


def _info(type_: type[Struct]) -> inspect.StructType:
    """
    What there is to know about a Struct.
    """
    info = inspect.type_info(type_)
    assert isinstance(info, inspect.StructType)
    return info


def _notNone(kind: inspect.Type) -> inspect.Type:
    """
    C{T} for C{T | None}, anything else as it is.
    """
    if isinstance(kind, inspect.UnionType):
        others = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        if len(others) == 1:
            return others[0]
    return kind


class _Plan:
    """
    How an object becomes one type of Struct.

    @ivar coercers: by the field's name on the wire.
    @ivar nullable: the fields that may be L{None}; of the others null leaves
        the default.
    @ivar folded: a folded key's name on the wire.
    """

    def __init__(self, type_: type[Struct]) -> None:
        fields = _info(type_).fields
        self.coercers = {field.encode_name: _coercer(_notNone(field.type)) for field in fields}
        self.nullable = {field.encode_name for field in fields if _takesNone(field.type)}
        self.folded = {fold(field.encode_name): field.encode_name for field in fields}


_planOf = cache(_Plan)


def _takesNone(kind: inspect.Type) -> bool:
    """
    Whether L{None} is a value of the type.
    """
    if isinstance(kind, inspect.UnionType):
        return any(_takesNone(one) for one in kind.types)
    return isinstance(kind, inspect.NoneType | inspect.AnyType)


def _shape(type_: type[Struct], value: object) -> dict[str, object]:
    """
    The object with the keys and the kinds of values that the type has.
    """
    if not isinstance(value, dict):
        raise Mismatch(f"{type(value).__name__} where an object is wanted")
    plan = _planOf(type_)
    shaped: dict[str, object] = {}
    for key, given in value.items():
        name = key if key in plan.coercers else plan.folded.get(fold(key)) if len(key) <= LONGEST_KEY else None
        if name is None or (name != key and name in value):
            continue
        made = plan.coercers[name](given)
        if made is None and name not in plan.nullable:
            shaped.pop(name, None)
        else:
            shaped[name] = made
    return shaped


def _coercer(kind: inspect.Type) -> Coercer:
    """
    What turns any value into one of this type, or nearer to it.
    """
    if isinstance(kind, inspect.StructType):
        return _orNone(partial(_shape, kind.cls))
    if isinstance(kind, inspect.ListType):
        return _orNone(partial(_list, _coercer(_notNone(kind.item_type))))
    if _isObject(kind):
        return _orNone(_object)
    if isinstance(kind, inspect.DictType):
        return _orNone(partial(_map, _coercer(_notNone(kind.value_type))))
    return _COERCERS.get(type(kind), _asItIs)


def _orNone(coercer: Coercer) -> Coercer:
    """
    Lets null count as absent; the text of it does so only for numbers.
    """
    return lambda value: None if value is None else coercer(value)


def _asItIs(value: object) -> object:
    """
    For types that only msgspec can judge.
    """
    return float(value) if type(value) is Written else value


def _object(value: object) -> object:
    """
    An object to be relayed.
    """
    if not isinstance(value, dict):
        raise Mismatch(f"{type(value).__name__} where an object is wanted")
    return tidy(value)


def _list(one: Coercer, value: object) -> list[object]:
    """
    An array of one type.
    """
    if not isinstance(value, list):
        raise Mismatch(f"{type(value).__name__} where an array is wanted")
    return [one(item) for item in value]


def _map(one: Coercer, value: object) -> dict[str, object]:
    """
    An object whose members are of one type.
    """
    if not isinstance(value, dict):
        raise Mismatch(f"{type(value).__name__} where an object is wanted")
    return {key: one(member) for key, member in value.items() if member is not None}


_COERCERS: dict[type[inspect.Type], Coercer] = {
    inspect.StrType: text,
    inspect.IntType: integer,
    inspect.FloatType: decimal,
    inspect.BoolType: flag,
    inspect.AnyType: tidy,
}
