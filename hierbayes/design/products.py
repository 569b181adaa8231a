"""Cross-products of a model, be it of one grouping factor or of several."""

from __future__ import annotations

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.sparse_products import SparseProducts

type Products = CrossProducts | SparseProducts
