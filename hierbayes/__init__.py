"""Bayesian hierarchical models: REML and a PyMC posterior from one collapsed likelihood."""

from hierbayes import plots
from hierbayes.dialects.registry import dialects
from hierbayes.equivalence import Equivalence, equivalence
from hierbayes.errors import (
    DataError,
    EstimationError,
    FormulaError,
    HierbayesError,
    HypothesisError,
    InferenceError,
    IntervalError,
    ModelFileError,
    PriorError,
    StudyError,
)
from hierbayes.fit.contextual.effects import ContextualEffects
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.composition import composition, composition_category
from hierbayes.frames.contextual import cvar, dvar, lvar
from hierbayes.frames.cross_table import tab
from hierbayes.frames.datasets import codebook, dataset_names, load_dataset
from hierbayes.frames.group_labels import group_labels
from hierbayes.frames.group_statistics import capply, up
from hierbayes.frames.merging import merge_levels, to_levels
from hierbayes.frames.reshaping import to_long, to_short
from hierbayes.frames.row_sample import some
from hierbayes.frames.variable_levels import Levels, levels
from hierbayes.inference.bootstraps.bootstrap import Bootstrap, bootstrap
from hierbayes.inference.context.group_coding import group_coding
from hierbayes.inference.context.hausman import Hausman, hausman
from hierbayes.inference.context.intercept_weights import InterceptWeights, intercept_weights
from hierbayes.inference.context.mundlak import Mundlak, mundlak
from hierbayes.inference.context.variance_explained import VarianceExplained, variance_explained
from hierbayes.inference.hypotheses.anova import Anova, anova
from hierbayes.inference.hypotheses.wald import WaldTest, wald
from hierbayes.inference.influence.influence import Influence, influence
from hierbayes.inference.model_choice.build_random import RandomPart, build_random
from hierbayes.inference.model_choice.likelihood_ratio import LikelihoodRatio, likelihood_ratio
from hierbayes.inference.model_choice.model_table import ModelTable, model_table
from hierbayes.inference.profiles.profile import Profile, profile
from hierbayes.inference.reduction.reduced import Reduced, reduced
from hierbayes.inference.residuals.level1 import Level1Residuals, level1_residuals
from hierbayes.inference.residuals.level2 import Level2Residuals, level2_residuals
from hierbayes.language.equations import Equations
from hierbayes.language.meanings import Meanings
from hierbayes.library.loading import catalog, load_model, read_code
from hierbayes.library.named_models import Catalog
from hierbayes.model import Model
from hierbayes.priors.families import (
    LKJ,
    PC,
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    Normal,
    StudentT,
    Uniform,
)
from hierbayes.priors.joint_families import R2D2M2, Beta, InverseWishart, Wishart
from hierbayes.specification.equations import Multilevel
from hierbayes.specification.notation import Notation, notation
from hierbayes.studies.comparison.comparison import Comparison, compare
from hierbayes.studies.estimators.estimators import Estimators, estimators
from hierbayes.studies.sensitivity import quantities
from hierbayes.studies.sensitivity.study import SensitivityStudy
from hierbayes.studies.simulation.simulate import simulate
from hierbayes.studies.simulation.simulated import Simulated

__version__ = "0.1.0"

__all__ = [
    "LKJ", "PC", "R2D2M2", "Anova", "Beta", "Bootstrap", "Catalog", "Comparison",
    "ContextualEffects", "DataError", "Equations", "Equivalence", "EstimationError", "Estimators",
    "Exponential", "Fit", "Flat", "FormulaError", "Gamma", "HalfCauchy", "HalfNormal", "HalfT",
    "Hausman", "HierbayesError", "HypothesisError", "InferenceError", "Influence",
    "InterceptWeights", "IntervalError", "InverseGamma", "InverseWishart", "Level1Residuals",
    "Level2Residuals", "Levels", "LikelihoodRatio", "Meanings", "Model", "ModelFileError",
    "ModelTable", "Multilevel", "Mundlak", "Normal", "Notation", "PointFit", "PosteriorFit",
    "PriorError", "Profile", "RandomPart", "Reduced", "SensitivityStudy", "Simulated", "StudentT",
    "StudyError", "Uniform", "VarianceExplained", "WaldTest", "Wishart", "anova", "bootstrap",
    "build_random", "capply", "catalog", "codebook", "compare", "composition",
    "composition_category", "cvar", "dataset_names", "dialects", "dvar", "equivalence",
    "estimators", "group_coding", "group_labels", "hausman", "influence", "intercept_weights",
    "level1_residuals", "level2_residuals", "levels", "likelihood_ratio", "load_dataset",
    "load_model", "lvar", "merge_levels", "model_table", "mundlak", "notation", "plots", "profile",
    "quantities", "read_code", "reduced", "simulate", "some", "tab", "to_levels", "to_long",
    "to_short", "up", "variance_explained", "wald",
]  # fmt: skip
