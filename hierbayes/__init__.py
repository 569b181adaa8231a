"""Bayesian hierarchical models: REML and a PyMC posterior from one collapsed likelihood."""

from hierbayes import plots
from hierbayes.equivalence import Equivalence, equivalence
from hierbayes.errors import (
    DataError,
    EstimationError,
    FormulaError,
    HierbayesError,
    HypothesisError,
    InferenceError,
    ModelFileError,
    PriorError,
    StudyError,
)
from hierbayes.estimation.joint_families import R2D2M2, Beta, InverseWishart, Wishart
from hierbayes.estimation.priors import (
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
from hierbayes.fit.fit import Fit
from hierbayes.frames.contextual import cvar, dvar
from hierbayes.frames.datasets import codebook, dataset_names, load_dataset
from hierbayes.inference.cases.influence import Influence, influence
from hierbayes.inference.cases.level1 import Level1Residuals, level1_residuals
from hierbayes.inference.cases.level2 import Level2Residuals, level2_residuals
from hierbayes.inference.context.hausman import Hausman, hausman
from hierbayes.inference.context.mundlak import Mundlak, mundlak
from hierbayes.inference.context.variance_explained import VarianceExplained, variance_explained
from hierbayes.inference.hypotheses.anova import Anova, anova
from hierbayes.inference.hypotheses.wald import WaldTest, wald
from hierbayes.inference.maxima.bootstrap import Bootstrap, bootstrap
from hierbayes.inference.maxima.build_random import RandomPart, build_random
from hierbayes.inference.maxima.likelihood_ratio import LikelihoodRatio, likelihood_ratio
from hierbayes.inference.maxima.model_table import ModelTable, model_table
from hierbayes.inference.maxima.profile import Profile, profile
from hierbayes.inference.maxima.reduced import Reduced, reduced
from hierbayes.library import load_model
from hierbayes.model import Model
from hierbayes.specification.equations import Multilevel
from hierbayes.studies.comparison.comparison import Comparison, compare
from hierbayes.studies.estimators.estimators import Estimators, estimators
from hierbayes.studies.sensitivity import quantities
from hierbayes.studies.sensitivity.study import SensitivityStudy
from hierbayes.studies.simulation.simulate import simulate
from hierbayes.studies.simulation.simulated import Simulated

__version__ = "0.1.0"

__all__ = [
    "LKJ", "PC", "R2D2M2", "Anova", "Beta", "Bootstrap", "Comparison", "DataError",
    "Equivalence", "EstimationError", "Estimators", "Exponential", "Fit", "Flat",
    "FormulaError", "Gamma", "HalfCauchy", "HalfNormal", "HalfT", "Hausman", "HierbayesError",
    "HypothesisError", "InferenceError", "Influence", "InverseGamma", "InverseWishart",
    "Level1Residuals", "Level2Residuals", "LikelihoodRatio", "Model", "ModelFileError",
    "ModelTable",
    "Multilevel", "Mundlak", "Normal", "PriorError", "Profile", "RandomPart", "Reduced",
    "SensitivityStudy", "Simulated", "StudentT", "StudyError", "Uniform", "VarianceExplained",
    "WaldTest", "Wishart", "anova", "bootstrap", "build_random", "codebook", "compare", "cvar",
    "dataset_names", "dvar", "equivalence", "estimators", "hausman", "influence",
    "level1_residuals", "level2_residuals", "likelihood_ratio", "load_dataset", "load_model",
    "model_table", "mundlak", "plots", "profile", "quantities", "reduced", "simulate",
    "variance_explained",
    "wald",
]  # fmt: skip
