"""Arithmetic of expression nodes ("max(4, a // 16 * 16)"), evaluated without running anything. Pure.

Needed for two questions: which branch does a switch take when its condition is computed, and does an
expression only round a number (then the number keeps its role) or make another quantity of it
(seconds into frames).
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

Number = int | float

MAX_CHARS: Final = 300
MAX_MAGNITUDE: Final = 1e18
"""Larger intermediate values end the evaluation: a graph must not be able to make us compute 9**9**9."""

_ARITHMETIC: Final = re.compile(r"[\w\s.,()+\-*/%&|^~<>=!]*")
"""No quotes and no backslashes: the parser would warn about odd escapes in somebody's workflow."""

_BINARY: Final[Mapping[type[ast.operator], Callable[[Number, Number], Number]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: lambda a, b: int(a) & int(b),
    ast.BitOr: lambda a, b: int(a) | int(b),
    ast.BitXor: lambda a, b: int(a) ^ int(b),
    ast.Pow: lambda a, b: a**b if abs(a) <= 1e6 and abs(b) <= 16 else math.inf,
    ast.LShift: lambda a, b: int(a) << int(b) if abs(b) <= 32 else math.inf,
    ast.RShift: lambda a, b: int(a) >> int(b) if abs(b) <= 32 else math.inf,
}
_UNARY: Final[Mapping[type[ast.unaryop], Callable[[Number], Number]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: lambda a: ~int(a),
}
_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Number, Number], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Final[Mapping[str, Callable[..., Number]]] = {
    "abs": abs,
    "ceil": math.ceil,
    "float": float,
    "floor": math.floor,
    "int": int,
    "max": max,
    "min": min,
    "pow": _BINARY[ast.Pow],
    "round": round,
    "sqrt": math.sqrt,
}


class _Unsupported(Exception):
    """The expression holds something that this evaluator does not know."""


def evaluate(expression: str, variables: Mapping[str, Number]) -> Number | None:
    """The value of an arithmetic expression; None if it cannot be told (unknown names, errors, overflow)."""
    if len(expression) > MAX_CHARS or not _ARITHMETIC.fullmatch(expression):
        return None
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body, variables)
    except (_Unsupported, SyntaxError, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def only_rounds(expression: str, variable: str, others: Mapping[str, Number]) -> bool:
    """Whether the expression gives back about what it gets: ``a & -8``, ``(a // 4) * 4 + 1``.

    ``others`` are the values of the other variables: ``a // b * b`` rounds ``a`` to a multiple of ``b``.

    Probed at sizes that are typical for pixels and frames; 15 % is more than any rounding to a multiple
    of 64 moves a picture's side, and less than any change of unit.
    """
    for probe in (480, 777, 1001):
        result = evaluate(expression, {**others, variable: probe})
        if result is None or abs(result - probe) > 0.15 * probe:
            return False
    return True


def _value(node: ast.expr, variables: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return _bounded(value)
        case ast.Name(id=name) if name in variables:
            return _bounded(variables[name])
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _bounded(_BINARY[type(op)](_value(left, variables), _value(right, variables)))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](_value(operand, variables))
        case ast.BoolOp(op=op, values=values):
            results = [_value(item, variables) for item in values]
            return all(results) if isinstance(op, ast.And) else any(results)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return _COMPARE[type(op)](_value(left, variables), _value(right, variables))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if _value(test, variables) else orelse, variables)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*(_value(item, variables) for item in args)))
        case _:
            raise _Unsupported


def _bounded(value: Number) -> Number:
    if isinstance(value, complex) or not abs(value) < MAX_MAGNITUDE:
        raise _Unsupported
    return value
