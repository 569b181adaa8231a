"""The file of cross-products: an archive of plain values and arrays, of which nothing is run."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike

from hierbayes.design.tally import Tally
from hierbayes.errors import HierbayesError, SavedFitError, in_quotes
from hierbayes.fit.saving.archive import (
    FileKind,
    damaged,
    place_of,
    read_archive,
    refuse_place,
    write_archive,
)
from hierbayes.fit.saving.tally_parts import tally_again, tally_contents
from hierbayes.fit.saving.written_fit import versions_in_use

PRODUCTS = FileKind(
    "cross-products of hierbayes", 2, "the cross-products", "a file of cross-products",
    "file of cross-products", "school.products",
)  # fmt: skip
_WITH_ERRORS, _WITHOUT = 2, 1  # formats, the first of which older versions would misread


def write_cross_products(tally: Tally, path: str | PathLike[str]) -> None:
    """Write what is kept of rows as one file, see `CrossProducts.save`."""
    place = place_of(path, PRODUCTS)
    refuse_place(place, PRODUCTS)
    functions = [name for name, _ in tally.specification.functions]
    if functions:
        raise SavedFitError(
            f"the formula calls {in_quotes(functions)}, functions of your own, which a file cannot "
            "hold: compute them beforehand as columns"
        )
    contents = tally_contents(tally)
    said = {
        "what": PRODUCTS.what,
        "format": _WITHOUT if tally.moments is None else _WITH_ERRORS,
        "versions": versions_in_use(),
        "model": str(tally.specification),
    }
    write_archive(place, replace(contents, manifest=said | dict(contents.manifest)), PRODUCTS)


def read_cross_products(path: str | PathLike[str]) -> Tally:
    """What `write_cross_products` wrote.

    Raises
    ------
    SavedFitError
        When the file is another's, cut short, damaged or of a newer format.
    """
    place = place_of(path, PRODUCTS)
    contents = read_archive(place, PRODUCTS)
    try:
        return tally_again(contents, str(path))
    except HierbayesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise damaged(place, error) from error
