"""Errors that go on in time: AR(1) at whole times, and its continuous form."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.errors import ResidualError
from hierbayes.residuals.bound import StructuredRows
from hierbayes.residuals.bound_values import KeptPart
from hierbayes.residuals.markov_chain import MarkovChain, chain, chain_of_gaps
from hierbayes.residuals.structure import Correlation, OrderedCorrelation, refuse_no_column
from hierbayes.residuals.times import refuse_fractions, times_of


@dataclass(frozen=True, repr=False)
class AR1(OrderedCorrelation):
    """Correlation φ^|s − t| of the errors of a group at whole times s and t.

    φ lies between −1 and 1. Where all times of the rows of a group are an even number apart, as
    the ages 8, 10 and 12, the data tell φ only but for its sign: it is taken as positive, as by
    `CAR1`, and the page of the fit says so.

    The usual prior is uniform in φ where rows one apart occur, and otherwise in the correlation
    over the least gap (`UniformCorrelation`), or where φ is taken as positive over a short one, as
    of `CAR1`.

    Parameters
    ----------
    time : str, optional
        A column of whole numbers; rows that are two apart have correlation φ².  By default
        the order of the rows within their group, whatever gaps there were.
    group : str, optional
        A column: errors of its groups are independent.  By default the innermost grouping factor.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.

    References
    ----------
    Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, section 5.3.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hb.residuals.AR1("week") * hb.residuals.Strata("sex")
    AR1('week') * Strata('sex')
    """

    def bind(self, rows: StructuredRows) -> MarkovChain:
        """As in `Correlation`."""
        times = times_of(rows, self.time)
        refuse_fractions(rows, self.time, times)
        return chain(rows, times, self.time, whole=True)

    def again(self, kept: KeptPart) -> MarkovChain:
        """As in `Correlation`."""
        return chain_of_gaps(**kept.arrays, time=self.time, whole=True)


@dataclass(frozen=True, repr=False)
class CAR1(Correlation):
    """Correlation φ^|s − t| of the errors of a group at any times s and t, 0 < φ < 1.

    The usual prior is uniform in the correlation over a short gap of neighbours, which a quarter of
    them do not exceed (`UniformCorrelation`): no posterior depends on the unit of time, and some
    long gaps do not say that errors of neighbours are correlated.

    Parameters
    ----------
    time : str
        A column of numbers, in whose unit φ is the correlation of errors one apart.
    group : str, optional
        As in `AR1`.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.

    References
    ----------
    Pinheiro & Bates (2000), section 5.3; Jones (1993), *Longitudinal Data with Serial Correlation*.
    """

    time: str = ""
    group: str | None = None

    def __post_init__(self) -> None:
        if not self.time:
            raise ResidualError(
                "CAR1 takes the column of its times, as in hb.residuals.CAR1('day'); the order of "
                "rows is the time of AR1()"
            )
        refuse_no_column(self.time, "time")
        if self.group is not None:
            refuse_no_column(self.group, "group")

    @property
    def own_columns(self) -> tuple[str, ...]:
        """As in `Part`."""
        return (self.time,) if self.group is None else (self.time, self.group)

    def bind(self, rows: StructuredRows) -> MarkovChain:
        """As in `Correlation`."""
        return chain(rows, times_of(rows, self.time), self.time, whole=False)

    def again(self, kept: KeptPart) -> MarkovChain:
        """As in `Correlation`."""
        return chain_of_gaps(**kept.arrays, time=self.time, whole=False)
