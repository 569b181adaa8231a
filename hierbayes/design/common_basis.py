"""A basis that fits rows that were summed up in several, and rows that stand for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices
from hierbayes.design.change_of_basis import (
    RandomColumns,
    between,
    columns_between,
    one_of,
    random_between,
)
from hierbayes.design.column_moments import Moments
from hierbayes.design.one_pass import Pass
from hierbayes.design.standardisation import joined, own_of_blocks, own_parts, standardised
from hierbayes.frames.arrays import Floats

_CONSTANT = 1e-10  # what X e may be off 1
_NOTHING = 1e-14  # of the largest eigenvalue of scaled products: rounding
_STILL_FITS = 1e3  # sizes of columns in a basis from which Xγ is taken


def common_basis(parts: Sequence[Pass], random: RandomColumns) -> Basis:
    """A basis that fits the rows of all parts: that of one of them, where one does.

    Parameters
    ----------
    parts : sequence of Pass
        Over rows with the same columns, each in its own basis.
    random : RandomColumns
    """
    roots = [_Roots.of(part) for part in parts]
    largest = sorted(roots, key=lambda one: -one.n)
    tried = [one.basis for one in largest if all(map(one.basis_is_constant_in, roots))]
    basis = next(iter(tried), largest[0].basis)
    whole = _Roots.joined([one.in_basis(basis, random.blocks) for one in roots])
    if tried and whole.fit:
        return basis
    return whole.chosen(random.blocks, has_constant=bool(tried))


def with_own_parts(basis: Basis, moments: Moments, blocks: Sequence[int]) -> Basis:
    """A basis that says how much of each column is its own in all rows."""
    x, fixed = basis.x, moments.fixed[:-1, :-1]
    plain = x
    if np.tril(x.mix, -1).any():  # turned: the columns before that
        back = np.linalg.inv(x.mix)
        plain = replace(x, mix=np.eye(len(back)), matrix=x.matrix @ back)
        fixed = back.T @ fixed @ back
    z = replace(basis.z, own=own_of_blocks(moments.random, basis.z, blocks))
    return replace(basis, x=replace(x, own=own_parts(fixed, plain)), z=z)


def of_all_responses(basis: Basis, moments: Moments) -> Basis:
    """A basis centred and scaled by the responses of all rows, as priors are."""
    whole = np.append(basis.taken, 1.0)  # of [X° y°]: the response, before anything is taken
    mean = float(moments.mean @ whole) if basis.constant.any() else 0.0
    spread = float(np.sqrt(max(whole @ moments.fixed @ whole - mean**2, 0.0)))
    if spread == 0.0:
        return basis
    taken = (basis.taken - mean * one_of(basis.x)) / spread if basis.taken.any() else basis.taken
    center, scale = basis.center + basis.scale * mean, basis.scale * spread
    return replace(basis, center=center, scale=scale, taken=taken)


def _stacked(blocks: Floats) -> Floats:
    """Blocks (J, a, b), which may be empty, as rows (J a, b)."""
    J, a, b = blocks.shape
    return blocks.reshape(J * a, b)


def rows_that_stand_for(found: Pass) -> Floats:
    """A few rows of X (k, p) with the means and the mean products of all."""
    return _Roots.of(found).rows(has_constant=True)[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Roots:
    """Roots (k, p+1) and (k, q) of the products of all rows, in a basis."""

    columns: Floats
    Z: Floats
    n: float
    basis: Basis

    @classmethod
    def of(cls, found: Pass) -> _Roots:
        first = found.factors[0]
        flat = _stacked(first.cross.T)
        columns = np.linalg.qr(np.concatenate([flat, _root(first.cross.W)]), mode="r")
        own = [_stacked(factor.cross.R) for factor in found.factors]
        q = sum(one.shape[1] for one in own)
        Z, end = [], 0
        for one in own:
            root = np.linalg.qr(one, mode="r")
            Z.append(np.zeros((len(root), q)))
            Z[-1][:, end : (end := end + one.shape[1])] = root
        return cls(columns, np.concatenate(Z), float(first.weights.sum()), first.cross.basis)

    @classmethod
    def joined(cls, parts: Sequence[_Roots]) -> _Roots:
        columns = np.linalg.qr(np.concatenate([one.columns for one in parts]), mode="r")
        Z = np.linalg.qr(np.concatenate([one.Z for one in parts]), mode="r")
        return cls(columns, Z, sum(one.n for one in parts), parts[0].basis)

    def in_basis(self, basis: Basis, blocks: Sequence[int]) -> _Roots:
        M = columns_between(self.basis, basis)
        Mz = random_between(self.basis.z, basis.z, blocks)
        return _Roots(self.columns @ M, self.Z @ Mz, self.n, basis)

    def basis_is_constant_in(self, other: _Roots) -> bool:
        """Whether what is constant in this basis is so in the rows of another part."""
        mine, theirs = self.basis.x, other.basis.x
        if not mine.constant.any():
            return True
        if not theirs.constant.any():
            return False
        off = between(theirs, mine) @ one_of(mine) - one_of(theirs)
        return float(np.linalg.norm(other.columns[:, :-1] @ off)) <= _CONSTANT * other.n**0.5

    @property
    def fit(self) -> bool:
        one = np.append(one_of(self.basis.x), 0.0)
        mean = self.columns.T @ (self.columns @ one) / self.n
        fixed, random = (root.T @ root / self.n for root in (self.columns, self.Z))
        if self.basis.taken.any():  # chosen for what is left of y, and turned
            sizes = np.append(np.diag(fixed), np.diag(random))
            return bool((sizes < _STILL_FITS**2).all())
        return Moments(mean, fixed, random).are_centred_and_scaled(self.basis.constant)

    def rows(self, has_constant: bool) -> tuple[Floats, Floats]:
        """X (k, p) and y (k,) of rows that stand for all, of the same means and products."""
        old = self.basis
        one = one_of(old.x) if has_constant else np.zeros(len(old.taken))
        W = _stand_ins(self.columns, np.append(one, 0.0), self.n)
        X, _, y = old.user_rows(W, np.zeros((len(W), len(old.z.shift))))
        return _kept_constant(X, old.x.constant * has_constant), y

    def chosen(self, blocks: Sequence[int], has_constant: bool) -> Basis:
        """A basis chosen for rows that stand for all; Xγ is taken out of y as before."""
        old = self.basis
        X, y = self.rows(has_constant)
        x = standardised(X)
        parts = []
        for at in block_slices(tuple(blocks)):
            internal, one = np.zeros_like(self.Z), np.zeros(len(old.z.shift))
            internal[:, at], one[at] = self.Z[:, at], one_of(old.z)[at]
            Z = old.z.undo(_stand_ins(internal, one, self.n))
            parts.append(standardised(_kept_constant(Z[:, at], old.z.constant[at])))
        center = float(y.mean()) if x.constant.any() else 0.0
        scale = float(np.sqrt(((y - center) ** 2).mean()))
        none = np.zeros(len(old.taken))
        new = Basis(x, joined(parts), x.constant, center, scale or 1.0, none)
        return replace(new, taken=new.gamma_internal(old.origin)) if old.taken.any() else new


def _root(W: Floats) -> Floats:
    """A root of products (k, k), of which some columns may be nothing."""
    size = np.sqrt(np.maximum(np.diag(W), 1e-300))
    values, vectors = np.linalg.eigh(W / np.outer(size, size))
    kept = np.sqrt(np.where(values > _NOTHING * values[-1], values, 0.0))
    root: Floats = kept[:, None] * vectors.T * size
    return root


def _stand_ins(root: Floats, one: Floats, n: float) -> Floats:
    """Rows with the means and the mean products of n rows whose products have this root."""
    unit = root @ one
    scale = np.sqrt(len(root) / n)
    if not unit.any():
        return root * scale
    unit = unit / np.linalg.norm(unit)
    mean = unit @ root
    apart = (root - np.outer(unit, mean)) * scale
    return mean / np.sqrt(n) + np.concatenate([apart, -apart])


def _kept_constant(columns: Floats, constant: Floats) -> Floats:
    """With a column that is constant by itself so exactly."""
    at = np.flatnonzero(constant)
    if len(at) == 1:
        columns[:, at] = 1.0 / constant[at]
    return columns
