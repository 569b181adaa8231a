"""Code of a formula read as expressions.

Python's parser reads the text; what it finds is copied node by node into those of `expression`, so
that an attribute, a lambda, a comprehension or a name of another place has no node to stand in.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache

from hierbayes.errors import FormulaError
from hierbayes.specification.expression import (
    Call,
    Coding,
    Column,
    Constant,
    Expression,
    Operation,
    columns_in,
    functions_in,
)
from hierbayes.specification.known_functions import (
    BY_NAME,
    CODINGS,
    CONTEXTUAL,
    CONTRASTS,
    KNOWN,
    NUMPY,
    NUMPY_CONSTANTS,
    Signature,
    no_such_function,
)

_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|",
}  # fmt: skip
_UNARY: dict[type[ast.AST], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}
_COMPARED: dict[type[ast.AST], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_REMEDIES: dict[type[ast.AST], str] = {
    ast.BitXor: "write ** for a power",
    ast.BoolOp: "write & for 'and' and | for 'or', with each comparison in brackets",
    ast.Not: "write ~",
    ast.In: "write np.isin(x, ['a', 'b'])",
    ast.NotIn: "write ~np.isin(x, ['a', 'b'])",
    ast.IfExp: "write np.where(x > 0, 1, 0)",
}
_OF_EACH_ROW = frozenset(("I", *BY_NAME, *(f"np.{name}" for name in NUMPY)))
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|`([^`]*)`""")
_ALLOWED = (
    "a formula has columns, numbers, + - * / // % **, comparisons, & | ~, and functions; make a "
    "column of anything else"
)


@lru_cache(maxsize=1024)
def read_expression(text: str) -> Expression:
    """Read the code of a factor.

    Functions with a plain name that is not known are read, for a caller may hand them over.

    Raises
    ------
    FormulaError
        Naming what has no place in a formula, and what to write instead.

    Examples
    --------
    >>> read_expression("x ** 2")
    Operation(mark='**', parts=(Column(name='x'), Constant(value=2)))
    >>> read_expression("x.__class__")
    Traceback (most recent call last):
        ...
    hierbayes.errors.FormulaError: cannot read 'x.__class__' in the formula: 'x.__class__' is an
    attribute, and a formula reads none but functions of np: make a column of it
    """
    try:
        reader = _Reader(text)
        return reader.read(reader.tree)
    except FormulaError as error:
        raise FormulaError(f"cannot read '{text}' in the formula: {error}") from None
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FormulaError(f"cannot read '{text}' in the formula: {_why(error)}") from error


@lru_cache(maxsize=1024)
def is_of_each_row(text: str) -> bool:
    """Whether code computes each row from columns of that row alone, and remembers nothing.

    Examples
    --------
    >>> is_of_each_row("I(x ** 2)"), is_of_each_row("scale(x)"), is_of_each_row("C(x)")
    (True, False, False)
    """
    expression = read_expression(text)
    names = set(functions_in(expression))
    return names <= _OF_EACH_ROW and any(True for _ in columns_in(expression))


def syntax_tree(text: str) -> ast.expr:
    """Python's tree of one expression, of which nothing is run.

    Raises
    ------
    FormulaError
        When it is none.
    """
    try:
        return _Code(text).tree
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FormulaError(_why(error)) from error


def normal_code(text: str) -> str:
    """Code as Python writes it, whatever is said in it; names in backticks stay as they are.

    Examples
    --------
    >>> normal_code("I( `class`**2 )")
    'I(`class` ** 2)'
    """
    code = _Code(text)
    return code.text(code.tree).replace("\n", " ")


def _why(error: Exception) -> str:
    return getattr(error, "msg", None) or str(error) or "it is nested too deeply"


class _Code:
    """The syntax tree of one text; names in backticks are put aside for Python's parser."""

    def __init__(self, text: str) -> None:
        self.names: dict[str, str] = {}
        self.mark = "quoted"
        while self.mark in text:
            self.mark += "_"
        code = _QUOTED.sub(self._put_aside, text).strip()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            self.tree = ast.parse(code, mode="eval").body

    def _put_aside(self, found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1]
        name = f"{self.mark}{len(self.names)}"
        self.names[name] = found[2]
        return name

    def text(self, node: ast.AST) -> str:
        """The code of a node, names in backticks again."""
        code = ast.unparse(node)
        if not self.names:
            return code
        return re.sub(rf"{self.mark}\d+", lambda found: f"`{self.names[found[0]]}`", code)


class _Reader(_Code):
    """Reads one text node by node."""

    def read(self, node: ast.AST) -> Expression:
        match node:
            case ast.Name(name):
                return Column(self.names.get(name, name))
            case ast.Constant():
                return self.constant(node)
            case ast.Attribute(ast.Name("np"), name) if name in NUMPY_CONSTANTS:
                return Constant(NUMPY_CONSTANTS[name])
            case ast.UnaryOp(sign, part) if type(sign) in _UNARY:
                return Operation(_UNARY[type(sign)], (self.read(part),))
            case ast.BinOp(left, sign, right) if type(sign) in _BINARY:
                return Operation(_BINARY[type(sign)], (self.read(left), self.read(right)))
            case ast.Compare(left, signs, parts):
                return self.comparison(node, left, signs, parts)
            case ast.Call(
                func=ast.Attribute(part, "astype"), args=[ast.Name("float")], keywords=[]
            ):
                return Operation("float", (self.read(part),))
            case ast.Call():
                return self.call(node)
        raise self.refusal(node)

    def comparison(
        self, node: ast.Compare, left: ast.expr, signs: list[ast.cmpop], parts: list[ast.expr]
    ) -> Expression:
        """Each comparison of a chain, all of which must hold: ``0 < x < 1``."""
        unknown = [sign for sign in signs if type(sign) not in _COMPARED]
        if unknown:
            raise self.refusal(node, unknown[0])
        read = [self.read(part) for part in (left, *parts)]
        found: Expression = Operation(_COMPARED[type(signs[0])], (read[0], read[1]))
        for k, sign in enumerate(signs[1:], 1):
            again = Operation(_COMPARED[type(sign)], (read[k], read[k + 1]))
            found = Operation("&", (found, again))
        return found

    def call(self, node: ast.Call) -> Call:
        name = self.function(node.func)
        signature = KNOWN.get(name)
        self.check_arguments(node, name, signature)
        size = len(node.args) if signature is None else signature.values
        given = {str(keyword.arg): keyword.value for keyword in node.keywords}
        values = [self.value(part, known=signature is not None) for part in node.args[:size]]
        if name in CONTEXTUAL:
            values += [self.read(given.pop(key)) for key in ("x", "group") if key in given]
        if not values or (name in CONTEXTUAL and len(values) != size):
            raise FormulaError(f"'{self.text(node)}' lacks an argument")
        coded = name in CODINGS
        return Call(
            name,
            tuple(values),
            tuple(self.argument(part, coded=coded) for part in node.args[size:]),
            tuple((key, self.argument(part, coded=coded)) for key, part in given.items()),
            self.text(node),
        )

    def value(self, node: ast.expr, *, known: bool) -> Expression:
        """An argument of rows; a function that is handed over may take a list there."""
        is_list = isinstance(node, ast.List | ast.Tuple | ast.Dict)
        return self.constant(node) if is_list and not known else self.read(node)

    def function(self, node: ast.expr) -> str:
        """The name of a function that may be called; one without a dot is looked up later."""
        match node:
            case ast.Name(name) if name not in self.names:
                if name not in KNOWN:
                    refused = no_such_function(name)
                    if "functions=" not in str(refused):
                        raise refused
                return name
            case ast.Attribute(ast.Name("np"), name) if f"np.{name}" in KNOWN:
                return f"np.{name}"
            case ast.Attribute():
                raise no_such_function(self.text(node))
        raise self.refusal(node)

    def check_arguments(self, node: ast.Call, name: str, signature: Signature | None) -> None:
        if any(isinstance(part, ast.Starred) for part in node.args) or any(
            keyword.arg is None or keyword.arg.startswith("_") for keyword in node.keywords
        ):
            raise self.refusal(node)
        if signature is None:
            return
        if len(node.args) > signature.most or (
            len(node.args) + len(node.keywords) < signature.least
        ):
            sizes = " to ".join(map(str, dict.fromkeys((signature.least, signature.most))))
            raise FormulaError(f"'{self.text(node)}': {name} takes {sizes} arguments in a formula")
        for keyword in node.keywords:
            if keyword.arg not in signature.options:
                listed = ", ".join(sorted(signature.options)) or "none"
                raise FormulaError(
                    f"'{self.text(node)}': {name} takes no argument '{keyword.arg}' in a formula; "
                    f"those by name are: {listed}"
                )

    def argument(self, node: ast.expr, *, coded: bool) -> Constant | Coding:
        """A constant, or the coding of a factor."""
        if coded:
            inner = node.func if isinstance(node, ast.Call) else node
            name = self.text(inner)
            if name in CONTRASTS:
                return self.coding(name, node)
        return self.constant(node)

    def coding(self, name: str, node: ast.expr) -> Coding:
        if not isinstance(node, ast.Call):
            return Coding(name, (), ())
        self.check_arguments(node, name, CONTRASTS[name])
        return Coding(
            name,
            tuple(self.constant(part) for part in node.args),
            tuple((str(keyword.arg), self.constant(keyword.value)) for keyword in node.keywords),
        )

    def constant(self, node: ast.AST) -> Constant:
        """A number, a text or a list, which must not be computed."""
        try:
            value = ast.literal_eval(ast.unparse(node))
        except (ValueError, TypeError, SyntaxError):
            raise self.refusal(node, what="no constant") from None
        if isinstance(value, complex | bytes) or value is Ellipsis:
            raise self.refusal(node)
        return Constant(value)

    def refusal(
        self, node: ast.AST, why: ast.AST | None = None, what: str = "no part of a formula"
    ) -> FormulaError:
        """What has no place in a formula, by its code."""
        if isinstance(node, ast.Attribute):
            return no_such_function(self.text(node))
        kinds = [type(one) for one in (why, node, getattr(node, "op", None))]
        remedy = next((text for kind, text in _REMEDIES.items() if kind in kinds), _ALLOWED)
        return FormulaError(f"'{self.text(node)}' is {what}; {remedy}")
