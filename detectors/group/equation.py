"""Equations between channels as engineers write them: parsed strictly, run as postfix."""

import ast
import math
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

NUMBER, VARIABLE, ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATE = range(7)
STEPS_MAX: Final = 64
LENGTH_MAX: Final = 200
RATE: Final = "rate"
_OPERATIONS: Final[dict[type, int]] = {
    ast.Add: ADD,
    ast.Sub: SUBTRACT,
    ast.Mult: MULTIPLY,
    ast.Div: DIVIDE,
}
_ALLOWED: Final = "expected names, `name.rate`, numbers, + - * / and parentheses"


class Variable(NamedTuple):
    """A name of an equation; with `rate` its change per second."""

    name: str
    rate: bool


class Program(NamedTuple):
    """An equation in postfix.

    Parameters
    ----------
    codes : int64, shape (steps,)
        What to do.
    operands : float64, shape (steps,)
        The number, or the place of the variable.
    variables : tuple of Variable
    """

    codes: NDArray[np.int64]
    operands: NDArray[np.float64]
    variables: tuple[Variable, ...]


def parse(text: str) -> Program:
    """Program of an equation.

    Raises
    ------
    ValueError
        Saying at which column what is not allowed.

    Examples
    --------
    >>> parse("inflow - 3600 * volume.rate").variables
    (Variable(name='inflow', rate=False), Variable(name='volume', rate=True))
    """
    text = text.strip()
    if len(text) > LENGTH_MAX:
        msg = f"expected at most {LENGTH_MAX} characters, got {len(text)}"
        raise ValueError(msg)
    if "#" in text:  # Python would take the rest for a comment, and drop terms in silence
        msg = f"{_ALLOWED}, got '#' at column {text.index('#') + 1}"
        raise ValueError(msg)
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = getattr(error, "offset", None) or len(text) + 1  # 0 where the text just ends
        msg = f"{_ALLOWED}, got {text!r}, which breaks off or is garbled at column {at}"
        raise ValueError(msg) from error
    steps: list[tuple[int, float]] = []
    variables: list[Variable] = []
    _emit(tree.body, steps, variables)
    if not variables:
        msg = f"expected a name at least, got {text!r}"
        raise ValueError(msg)
    if len(steps) > STEPS_MAX:
        msg = f"expected at most {STEPS_MAX} names, numbers and operations, got {len(steps)}"
        raise ValueError(msg)
    codes = np.array([code for code, _ in steps], np.int64)
    return Program(codes, np.array([operand for _, operand in steps]), tuple(variables))


def _emit(node: ast.expr, steps: list[tuple[int, float]], variables: list[Variable]) -> None:
    """Append what works out a node."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        _emit(node.left, steps, variables)
        _emit(node.right, steps, variables)
        steps.append((_OPERATIONS[type(node.op)], 0.0))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _emit(node.operand, steps, variables)
        steps.append((NEGATE, 0.0))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        steps.append((NUMBER, _number(node.value, node)))
    else:
        variable = _variable(node)
        if variable not in variables:
            variables.append(variable)
        steps.append((VARIABLE, float(variables.index(variable))))


def _number(value: float, node: ast.expr) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        msg = f"{_ALLOWED}, got {ast.unparse(node)!r} at column {node.col_offset + 1}"
        raise ValueError(msg)
    return float(value)


def _variable(node: ast.expr) -> Variable:
    if isinstance(node, ast.Name):
        return Variable(node.id, rate=False)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr == RATE:
        return Variable(node.value.id, rate=True)
    msg = f"{_ALLOWED}, got {ast.unparse(node)!r} at column {node.col_offset + 1}"
    raise ValueError(msg)


@njit(cache=True, nogil=True, error_model="numpy")
def work_out(
    codes: NDArray[np.int64],
    operands: NDArray[np.float64],
    values: NDArray[np.float64],
    stack: NDArray[np.float64],
) -> Any:
    """Value of a program for some values of its variables; `stack` holds `STEPS_MAX`."""
    top = 0
    for step in range(len(codes)):
        code = codes[step]
        if code < ADD:
            stack[top] = operands[step] if code == NUMBER else values[int(operands[step])]
            top += 1
        elif code == NEGATE:
            stack[top - 1] = -stack[top - 1]
        else:
            top -= 1
            stack[top - 1] = _operate(code, stack[top - 1], stack[top])
    return stack[0]


@njit(cache=True, nogil=True, error_model="numpy")
def _operate(code: int, left: float, right: float) -> Any:
    if code == ADD:
        return left + right
    if code == SUBTRACT:
        return left - right
    return left * right if code == MULTIPLY else left / right
