"""Bayesian hierarchical models: REML and a PyMC posterior from one collapsed likelihood."""

from typing import TYPE_CHECKING

from hierbayes.public_names import public_names

if TYPE_CHECKING:
    from hierbayes import families, plots, residuals
    from hierbayes.errors import (
        DataError,
        EstimationError,
        FamilyError,
        FormulaError,
        HierbayesError,
        HypothesisError,
        InferenceError,
        IntervalError,
        ModelFileError,
        PriorError,
        ResidualError,
        ResultFolderError,
        SavedFitError,
        StudyError,
        UsageError,
    )
    from hierbayes.estimation.graph_chains import sample_graph
    from hierbayes.fit.contextual.effects import ContextualEffects
    from hierbayes.fit.fit import Fit
    from hierbayes.fit.point import PointFit
    from hierbayes.fit.posterior import PosteriorFit
    from hierbayes.fit.predictions.parts import predict_parts
    from hierbayes.fit.saving.loaded_fit import load_fit
    from hierbayes.frames.composition import composition, composition_category
    from hierbayes.frames.contextual import cvar, dvar, lvar
    from hierbayes.frames.cross_table import tab
    from hierbayes.frames.csv_file import read_csv
    from hierbayes.frames.datasets import codebook, dataset_names, load_dataset
    from hierbayes.frames.group_labels import group_labels
    from hierbayes.frames.group_statistics import capply, up
    from hierbayes.frames.merging import merge_levels, to_levels
    from hierbayes.frames.reshaping import to_long, to_short
    from hierbayes.frames.row_sample import some
    from hierbayes.frames.variable_levels import Levels, levels
    from hierbayes.inference.bootstraps.bootstrap import Bootstrap, bootstrap
    from hierbayes.inference.checks.predictive_check import PredictiveCheck, predictive_check
    from hierbayes.inference.context.group_coding import group_coding
    from hierbayes.inference.context.hausman import Hausman, hausman
    from hierbayes.inference.context.heterogeneity import Heterogeneity
    from hierbayes.inference.context.intercept_weights import InterceptWeights, intercept_weights
    from hierbayes.inference.context.mundlak import Mundlak, mundlak
    from hierbayes.inference.context.response_variance import ResponseVariance
    from hierbayes.inference.context.variance_explained import VarianceExplained, variance_explained
    from hierbayes.inference.evidence.bayes_factor import BayesFactor, bayes_factor
    from hierbayes.inference.evidence.density_ratio import SavageDickey
    from hierbayes.inference.evidence.evidence import evidence
    from hierbayes.inference.evidence.marginal_likelihood import MarginalLikelihood
    from hierbayes.inference.evidence.savage_dickey import savage_dickey
    from hierbayes.inference.hypotheses.anova import Anova, anova
    from hierbayes.inference.hypotheses.wald import WaldTest, wald
    from hierbayes.inference.influence.influence import influence
    from hierbayes.inference.influence.influence_tables import Influence
    from hierbayes.inference.margins.comparisons import comparisons, slopes
    from hierbayes.inference.margins.datagrid import datagrid
    from hierbayes.inference.margins.margins import Margins
    from hierbayes.inference.margins.predictions import predictions
    from hierbayes.inference.model_choice.build_random import RandomPart, build_random
    from hierbayes.inference.model_choice.likelihood_ratio import LikelihoodRatio, likelihood_ratio
    from hierbayes.inference.model_choice.model_table import ModelTable, model_table
    from hierbayes.inference.predictive.compare_predictive import (
        PredictiveComparison,
        compare_predictive,
    )
    from hierbayes.inference.predictive.criterion import PredictiveCriterion
    from hierbayes.inference.predictive.logo import logo
    from hierbayes.inference.predictive.loo import loo
    from hierbayes.inference.profiles.profile import Profile, profile
    from hierbayes.inference.recheck import Recheck, recheck
    from hierbayes.inference.reduction.reduced import Reduced, reduced
    from hierbayes.inference.residuals.autocorrelation import ResidualAcf, residual_acf
    from hierbayes.inference.residuals.level1 import Level1Residuals, level1_residuals
    from hierbayes.inference.residuals.level2 import Level2Residuals, level2_residuals
    from hierbayes.inference.residuals.variogram import ResidualVariogram, residual_variogram
    from hierbayes.language.equations import Equations
    from hierbayes.language.meanings import Meanings
    from hierbayes.library.loading import catalog, load_model, read_code
    from hierbayes.library.named_models import Catalog
    from hierbayes.model.cross_products import CrossProducts
    from hierbayes.model.equivalence import Equivalence, equivalence
    from hierbayes.model.model import Model
    from hierbayes.priors.correlation_families import LKJ, UniformCorrelation
    from hierbayes.priors.families import (
        PC,
        Centred,
        DesignNormal,
        Exponential,
        Flat,
        Gamma,
        HalfCauchy,
        HalfNormal,
        HalfT,
        InverseGamma,
        LogNormal,
        Normal,
        StudentT,
        Uniform,
    )
    from hierbayes.priors.joint_families import R2D2M2, Beta, InverseWishart, Wishart
    from hierbayes.specification.equations import Multilevel
    from hierbayes.specification.notation import Notation, notation
    from hierbayes.studies.calibration.calibrate import calibrate
    from hierbayes.studies.calibration.calibration import Calibration
    from hierbayes.studies.calibration.power import power
    from hierbayes.studies.calibration.power_study import PowerStudy
    from hierbayes.studies.comparison.comparison import Comparison, compare
    from hierbayes.studies.estimators.estimators import Estimators, estimators
    from hierbayes.studies.sensitivity import quantities
    from hierbayes.studies.sensitivity.study import SensitivityStudy
    from hierbayes.studies.simulation.simulate import simulate
    from hierbayes.studies.simulation.simulated import Simulated
    from hierbayes.translation.registry import dialects

__version__ = "0.1.0"

__all__ = [
    "LKJ", "PC", "R2D2M2", "Anova", "BayesFactor", "Beta", "Bootstrap", "Calibration", "Catalog",
    "Centred", "Comparison", "ContextualEffects", "CrossProducts", "DataError", "DesignNormal",
    "Equations", "Equivalence", "EstimationError", "Estimators", "Exponential", "FamilyError",
    "Fit", "Flat", "FormulaError", "Gamma", "HalfCauchy", "HalfNormal", "HalfT", "Hausman",
    "Heterogeneity", "HierbayesError", "HypothesisError", "InferenceError", "Influence",
    "InterceptWeights", "IntervalError", "InverseGamma", "InverseWishart", "Level1Residuals",
    "Level2Residuals", "Levels", "LikelihoodRatio", "LogNormal", "MarginalLikelihood", "Margins",
    "Meanings", "Model", "ModelFileError", "ModelTable", "Multilevel", "Mundlak", "Normal",
    "Notation", "PointFit", "PosteriorFit", "PowerStudy", "PredictiveCheck", "PredictiveComparison",
    "PredictiveCriterion", "PriorError", "Profile", "RandomPart", "Recheck", "Reduced",
    "ResidualAcf", "ResidualError", "ResidualVariogram", "ResponseVariance", "ResultFolderError",
    "SavageDickey", "SavedFitError", "SensitivityStudy", "Simulated", "StudentT", "StudyError",
    "Uniform", "UniformCorrelation", "UsageError", "VarianceExplained", "WaldTest", "Wishart",
    "anova", "bayes_factor", "bootstrap", "build_random", "calibrate", "capply", "catalog",
    "codebook", "compare", "compare_predictive", "comparisons", "composition",
    "composition_category", "cvar", "datagrid", "dataset_names", "dialects", "dvar", "equivalence",
    "estimators", "evidence", "families", "group_coding", "group_labels", "hausman", "influence",
    "intercept_weights", "level1_residuals", "level2_residuals", "levels", "likelihood_ratio",
    "load_dataset", "load_fit", "load_model", "logo", "loo", "lvar", "merge_levels", "model_table",
    "mundlak", "notation", "plots", "power", "predict_parts", "predictions", "predictive_check",
    "profile", "quantities", "read_code", "read_csv", "recheck", "reduced", "residual_acf",
    "residual_variogram", "residuals", "sample_graph", "savage_dickey", "simulate", "slopes",
    "some", "tab", "to_levels", "to_long", "to_short", "up", "variance_explained", "wald",
]  # fmt: skip

# Where each name lives; its module is loaded when the name is first used.
_HOMES = {
    "hierbayes.translation.registry": ("dialects",),
    "hierbayes.errors": (
        "DataError",
        "EstimationError",
        "FamilyError",
        "FormulaError",
        "HierbayesError",
        "HypothesisError",
        "InferenceError",
        "IntervalError",
        "ModelFileError",
        "PriorError",
        "ResidualError",
        "ResultFolderError",
        "SavedFitError",
        "StudyError",
        "UsageError",
    ),
    "hierbayes.families": (),
    "hierbayes.residuals": (),
    "hierbayes.estimation.graph_chains": ("sample_graph",),
    "hierbayes.fit.contextual.effects": ("ContextualEffects",),
    "hierbayes.fit.fit": ("Fit",),
    "hierbayes.fit.point": ("PointFit",),
    "hierbayes.fit.posterior": ("PosteriorFit",),
    "hierbayes.fit.saving.loaded_fit": ("load_fit",),
    "hierbayes.frames.composition": ("composition", "composition_category"),
    "hierbayes.frames.contextual": ("cvar", "dvar", "lvar"),
    "hierbayes.frames.cross_table": ("tab",),
    "hierbayes.frames.csv_file": ("read_csv",),
    "hierbayes.frames.datasets": ("codebook", "dataset_names", "load_dataset"),
    "hierbayes.frames.group_labels": ("group_labels",),
    "hierbayes.frames.group_statistics": ("capply", "up"),
    "hierbayes.frames.merging": ("merge_levels", "to_levels"),
    "hierbayes.frames.reshaping": ("to_long", "to_short"),
    "hierbayes.frames.row_sample": ("some",),
    "hierbayes.frames.variable_levels": ("Levels", "levels"),
    "hierbayes.inference.bootstraps.bootstrap": ("Bootstrap", "bootstrap"),
    "hierbayes.inference.checks.predictive_check": ("PredictiveCheck", "predictive_check"),
    "hierbayes.inference.context.group_coding": ("group_coding",),
    "hierbayes.inference.context.hausman": ("Hausman", "hausman"),
    "hierbayes.inference.context.heterogeneity": ("Heterogeneity",),
    "hierbayes.inference.context.intercept_weights": ("InterceptWeights", "intercept_weights"),
    "hierbayes.inference.context.mundlak": ("Mundlak", "mundlak"),
    "hierbayes.inference.context.response_variance": ("ResponseVariance",),
    "hierbayes.inference.context.variance_explained": ("VarianceExplained", "variance_explained"),
    "hierbayes.inference.evidence.bayes_factor": ("BayesFactor", "bayes_factor"),
    "hierbayes.inference.evidence.density_ratio": ("SavageDickey",),
    "hierbayes.inference.evidence.evidence": ("evidence",),
    "hierbayes.inference.evidence.marginal_likelihood": ("MarginalLikelihood",),
    "hierbayes.inference.evidence.savage_dickey": ("savage_dickey",),
    "hierbayes.inference.hypotheses.anova": ("Anova", "anova"),
    "hierbayes.inference.hypotheses.wald": ("WaldTest", "wald"),
    "hierbayes.inference.influence.influence": ("influence",),
    "hierbayes.inference.influence.influence_tables": ("Influence",),
    "hierbayes.inference.margins.comparisons": ("comparisons", "slopes"),
    "hierbayes.inference.margins.datagrid": ("datagrid",),
    "hierbayes.inference.margins.margins": ("Margins",),
    "hierbayes.inference.margins.predictions": ("predictions",),
    "hierbayes.inference.model_choice.build_random": ("RandomPart", "build_random"),
    "hierbayes.inference.model_choice.likelihood_ratio": ("LikelihoodRatio", "likelihood_ratio"),
    "hierbayes.inference.model_choice.model_table": ("ModelTable", "model_table"),
    "hierbayes.inference.predictive.compare_predictive": (
        "PredictiveComparison",
        "compare_predictive",
    ),
    "hierbayes.inference.predictive.logo": ("logo",),
    "hierbayes.inference.predictive.criterion": ("PredictiveCriterion",),
    "hierbayes.inference.predictive.loo": ("loo",),
    "hierbayes.inference.profiles.profile": ("Profile", "profile"),
    "hierbayes.inference.recheck": ("Recheck", "recheck"),
    "hierbayes.inference.reduction.reduced": ("Reduced", "reduced"),
    "hierbayes.inference.residuals.autocorrelation": ("ResidualAcf", "residual_acf"),
    "hierbayes.inference.residuals.variogram": ("ResidualVariogram", "residual_variogram"),
    "hierbayes.fit.predictions.parts": ("predict_parts",),
    "hierbayes.inference.residuals.level1": ("Level1Residuals", "level1_residuals"),
    "hierbayes.inference.residuals.level2": ("Level2Residuals", "level2_residuals"),
    "hierbayes.language.equations": ("Equations",),
    "hierbayes.language.meanings": ("Meanings",),
    "hierbayes.library.loading": ("catalog", "load_model", "read_code"),
    "hierbayes.library.named_models": ("Catalog",),
    "hierbayes.model.cross_products": ("CrossProducts",),
    "hierbayes.model.model": ("Model",),
    "hierbayes.model.equivalence": ("Equivalence", "equivalence"),
    "hierbayes.plots": (),
    "hierbayes.priors.correlation_families": ("LKJ", "UniformCorrelation"),
    "hierbayes.priors.families": (
        "PC",
        "Centred",
        "DesignNormal",
        "Exponential",
        "Flat",
        "Gamma",
        "HalfCauchy",
        "HalfNormal",
        "HalfT",
        "InverseGamma",
        "LogNormal",
        "Normal",
        "StudentT",
        "Uniform",
    ),
    "hierbayes.priors.joint_families": ("R2D2M2", "Beta", "InverseWishart", "Wishart"),
    "hierbayes.specification.equations": ("Multilevel",),
    "hierbayes.specification.notation": ("Notation", "notation"),
    "hierbayes.studies.comparison.comparison": ("Comparison", "compare"),
    "hierbayes.studies.estimators.estimators": ("Estimators", "estimators"),
    "hierbayes.studies.calibration.calibrate": ("calibrate",),
    "hierbayes.studies.calibration.calibration": ("Calibration",),
    "hierbayes.studies.calibration.power": ("power",),
    "hierbayes.studies.calibration.power_study": ("PowerStudy",),
    "hierbayes.studies.sensitivity.quantities": (),
    "hierbayes.studies.sensitivity.study": ("SensitivityStudy",),
    "hierbayes.studies.simulation.simulate": ("simulate",),
    "hierbayes.studies.simulation.simulated": ("Simulated",),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, _HOMES)
