"""Stata: options of ``gsem``, as far as they matter to the model."""

from __future__ import annotations

from dataclasses import dataclass, field

from hierbayes.translation.programs.code_words import Cursor, Word

# Options that leave the model as it is, each with the fewest letters that name it.
_HARMLESS = {
    "intmethod": 4, "intpoints": 4, "vce": 3, "method": 3, "difficult": 3, "iterate": 4,
    "tolerance": 3, "ltolerance": 4, "technique": 4, "nolog": 5, "log": 3, "level": 1,
    "startvalues": 6, "startgrid": 6, "noestimate": 5, "noheader": 4, "nodvheader": 5,
    "notable": 5, "nocnsreport": 5, "byparm": 6, "coeflegend": 5, "adaptopts": 6, "vsquish": 3,
}  # fmt: skip


@dataclass(slots=True)
class GsemOptions:
    """What the options say.

    Parameters
    ----------
    mlogit : bool
    noconstant : bool
    independent : set of frozenset of str
        Pairs of latent variables whose covariance is held at 0.
    """

    mlogit: bool = False
    noconstant: bool = False
    independent: set[frozenset[str]] = field(default_factory=set)

    def correlated(self, one: Word, other: Word) -> bool:
        """Whether two latent variables of a level are, as they are by themselves."""
        return frozenset((one.text, other.text)) not in self.independent


def read_gsem_options(command: Cursor) -> GsemOptions:
    """Options behind the paths.

    Raises
    ------
    FormulaError
        Pointing at one that is not known, or holds anything but a covariance at 0.
    """
    options = GsemOptions()
    command.take_if(",")
    while not command.done:
        if command.take_if(","):
            continue
        word = command.take_name("an option")
        value: list[Word] = []
        if command.take_if("("):
            value = command.until(")")
            command.expect(")")
        name = word.text
        if name == "mlogit":
            options.mlogit = True
        elif len(name) >= 5 and "noconstant".startswith(name):
            options.noconstant = True
        elif len(name) >= 3 and "covariance".startswith(name):
            options.independent |= _held_at_zero(command.part(value))
        elif not any(len(name) >= least and one.startswith(name)
                     for one, least in _HARMLESS.items()):  # fmt: skip
            raise command.refuse(
                f"the option '{name}' is not read: it is not known, or has no counterpart in the "
                "package",
                word,
            )
    return options


def _held_at_zero(body: Cursor) -> set[frozenset[str]]:
    """The pairs of ``M1[g]*M2[g]@0 ...``; a covariance that is not held is there by itself."""
    found = set()
    while not body.done:
        names = [_latent_name(body)]
        body.expect("*")
        names.append(_latent_name(body))
        if body.take_if("@"):
            value = body.take("0")
            if value.text != "0":
                raise body.refuse(
                    f"a covariance is free or held at 0 here, not at {value.text}", value
                )
            found.add(frozenset(names))
    return found


def _latent_name(body: Cursor) -> str:
    name = body.take_name("a latent variable").text
    body.expect("[")
    body.until("]")
    body.expect("]")
    return name
