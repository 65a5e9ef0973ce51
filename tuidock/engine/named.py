"""`NamedTuple` as `typing` has it, without `typing`, which takes 2.5 ms to import.

Every `tuidock run`, and every launcher before its first container, would pay that for this one
class; what is here also defines a tuple in two thirds of the time. Invariant: a type checker
sees `typing.NamedTuple` itself. Modules that use it postpone their annotations, so that the names
of the fields are read and their types are not compiled.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Definition(type):
        """Makes of a class statement a subclass of `tuple` itself."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults)  # of the last ones: mypy sees to it
            for key, value in body.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Definition):
        """A base class for immutable values with named fields."""
