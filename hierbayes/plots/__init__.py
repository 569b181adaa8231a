"""Pictures of fits and studies: what the argument looks like.

Every picture has a module of its own with two functions.  ``<name>_frame(...)`` returns what is
drawn as a table (or as a frozen value of tables), and ``plot_<name>(..., ax=None, figsize=None)``
draws it and returns the figure.  Drawing functions compute nothing that the frame does not hold.

``ax`` takes Matplotlib's axes to draw on, one or as many as the picture has panels; by default
there is a new figure, which is not registered with pyplot and needs no closing.  Shapes and lines
carry the meaning as well as colours do, so that pictures can be printed in grey.  Matplotlib is
imported when the first picture is drawn, and its settings are left as they are.

Pictures of groups take ``groups=``, labels, or ``max_groups=``, a number, and of models of several
grouping factors ``factor=``, whose groups are meant; those of random effects take ``effects=`` or
``effect=``, names; those with intervals or ellipses take ``prob=``.

The pictures, and where they stand in the lecture slides *Mixed Models with R* (figures by number,
headings in quotes):

======================= ========================================================= =================
``plot_…``              shows                                                     slides
======================= ========================================================= =================
``uniform_quantiles``   every variable, from its smallest to its largest value    1
``trellis``             y against x in a panel for each group: least-squares      2, 3, 18
                        lines, by a further factor, or BLUE, BLUP and population
``data_space``          all rows in one panel, pooled and groups' lines           "Fitted lines"
``cloud``               rows in space, over two variables, before any model       "Lab 1"
``arc``                 two slopes from within through pooled to between groups   4 to 7, "Lab 1"
``estimators``          six estimators in beta space, and the difference between  4 to 7
                        levels: ellipses of confidence, or with it as shadows
``simulated_school``    one simulated group in ten steps                          8 to 17
``beta_space``          BLUE, BLUP, population and G of a fit in beta space       13, 19
``shrinkage``           from the BLUE to the BLUP, by size or by group            "Shrinking …"
``three_means``         means by GLS, of rows, and of groups                      "One-way …"
``intercept_weights``   what each group weighs in the intercept, by its size      "One-way …"
``caterpillar``         random effects in order, with intervals                   "Lab 1"
``level1_residuals``    residuals of rows: fitted values, groups, normality       "Lab 1"
``level2_residuals``    residuals of groups: normality, pairs, Mahalanobis        "Lab 1"
``residual_acf``        autocorrelations of residuals within groups
``residual_variogram``  the semivariogram of residuals within groups
``visit_means``         means by visit, observed and fitted
``influence``           what leaving out each case changes                        "Lab 1"
``effects``             the expected response, with a band                        "Lab 1"
``gap``                 the difference between two levels, with two bands         "Lab 1"
``plane``               rows in space, and the surface of the fixed part          "Lab 1"
``pancake``             G of three effects as an ellipsoid                        "Lab 1"
``profile_zeta``        signed roots of profiled deviances
``bootstrap``           refits to simulated data, and intervals
``predictive_check``    statistics of replicated responses, and the observed
``margins``             predictions, comparisons or slopes, with limits
``prior_posterior``     prior, posterior and profile likelihood
``icc``                 prior and posterior of the intraclass correlation
``shrinkage_factors``   the posterior of groups' shrinkage factors
``implied_lines``       groups' lines under the priors
``implied_icc``         the intraclass correlation under the priors
``implied_ellipses``    ellipses of G under the priors
``ridge``               one quantity under every prior
``tornado``             how far each prior moves each quantity
``tipping``             where a conclusion gives way
``prior_ellipses``      G's ellipse moving with the prior
``power_scaling``       power-scaling sensitivity as a table of greys
``comparison``          estimates and intervals of several fits
``rank_ecdf``           ranks of the truth on simulated data, and their envelope
``coverage``            coverage of intervals beside the nominal one
``power_curve``         power or precision by the number of groups
======================= ========================================================= =================

Diagnostics of the sampler are drawn by arviz-plots, from a fit's ``to_datatree()``.
"""

from typing import TYPE_CHECKING

from hierbayes.public_names import public_names

if TYPE_CHECKING:
    from hierbayes.plots.arc import Arc, arc_frame, plot_arc
    from hierbayes.plots.beta_space import BetaSpace, beta_space_frame, plot_beta_space
    from hierbayes.plots.bootstrap import bootstrap_frame, plot_bootstrap
    from hierbayes.plots.caterpillar import Caterpillar, caterpillar_frame, plot_caterpillar
    from hierbayes.plots.cloud import Cloud, cloud_frame, plot_cloud
    from hierbayes.plots.comparison import comparison_frame, plot_comparison
    from hierbayes.plots.coverage import Coverage, coverage_frame, plot_coverage
    from hierbayes.plots.data_space import DataSpace, data_space_frame, plot_data_space
    from hierbayes.plots.effects import Effects, effects_frame, plot_effects
    from hierbayes.plots.ellipse import (
        Ellipse,
        confidence_radius,
        ellipse_frame,
        shadow_frame,
        shadow_radius,
    )
    from hierbayes.plots.estimators import EstimatorsInBetaSpace, estimators_frame, plot_estimators
    from hierbayes.plots.gap import Gap, gap_frame, plot_gap
    from hierbayes.plots.icc import icc_frame, plot_icc
    from hierbayes.plots.implied_lines import implied_lines_frame, plot_implied_lines
    from hierbayes.plots.implied_variance import (
        implied_ellipses_frame,
        implied_icc_frame,
        plot_implied_ellipses,
        plot_implied_icc,
    )
    from hierbayes.plots.influence import influence_frame, plot_influence
    from hierbayes.plots.intercept_weights import intercept_weights_frame, plot_intercept_weights
    from hierbayes.plots.level1_residuals import (
        Level1Picture,
        level1_residuals_frame,
        plot_level1_residuals,
    )
    from hierbayes.plots.level2_residuals import (
        Level2Picture,
        level2_residuals_frame,
        plot_level2_residuals,
    )
    from hierbayes.plots.margins import margins_frame, plot_margins
    from hierbayes.plots.pancake import Pancake, pancake_frame, plot_pancake
    from hierbayes.plots.plane import Plane, plane_frame, plot_plane
    from hierbayes.plots.power_curve import PowerCurve, plot_power_curve, power_curve_frame
    from hierbayes.plots.power_scaling import plot_power_scaling, power_scaling_frame
    from hierbayes.plots.predictive_check import (
        CheckPicture,
        plot_predictive_check,
        predictive_check_frame,
    )
    from hierbayes.plots.prior_ellipses import plot_prior_ellipses, prior_ellipses_frame
    from hierbayes.plots.prior_posterior import plot_prior_posterior, prior_posterior_frame
    from hierbayes.plots.profile_zeta import plot_profile_zeta, profile_zeta_frame
    from hierbayes.plots.rank_ecdf import RankEcdf, plot_rank_ecdf, rank_ecdf_frame
    from hierbayes.plots.residual_acf import plot_residual_acf, residual_acf_frame
    from hierbayes.plots.residual_variogram import (
        plot_residual_variogram,
        residual_variogram_frame,
    )
    from hierbayes.plots.ridge import plot_ridge, ridge_frame
    from hierbayes.plots.shrinkage import plot_shrinkage, shrinkage_frame
    from hierbayes.plots.shrinkage_factors import plot_shrinkage_factors, shrinkage_factors_frame
    from hierbayes.plots.simulated_school import (
        SimulatedSchool,
        plot_simulated_school,
        simulated_school_frame,
    )
    from hierbayes.plots.three_means import ThreeMeans, plot_three_means, three_means_frame
    from hierbayes.plots.tipping import plot_tipping, tipping_frame
    from hierbayes.plots.tornado import plot_tornado, tornado_frame
    from hierbayes.plots.trellis import Trellis, plot_trellis, trellis_frame
    from hierbayes.plots.uniform_quantiles import (
        UniformQuantiles,
        plot_uniform_quantiles,
        uniform_quantiles_frame,
    )
    from hierbayes.plots.visit_means import VisitMeans, plot_visit_means, visit_means_frame

__all__ = [
    "Arc", "BetaSpace", "Caterpillar", "CheckPicture", "Cloud", "Coverage", "DataSpace", "Effects",
    "Ellipse", "EstimatorsInBetaSpace", "Gap", "Level1Picture", "Level2Picture", "Pancake", "Plane",
    "PowerCurve", "RankEcdf", "SimulatedSchool", "ThreeMeans", "Trellis", "UniformQuantiles",
    "VisitMeans", "arc_frame", "beta_space_frame", "bootstrap_frame", "caterpillar_frame",
    "cloud_frame", "comparison_frame", "confidence_radius", "coverage_frame", "data_space_frame",
    "effects_frame", "ellipse_frame", "estimators_frame", "gap_frame", "icc_frame",
    "implied_ellipses_frame", "implied_icc_frame", "implied_lines_frame", "influence_frame",
    "intercept_weights_frame", "level1_residuals_frame", "level2_residuals_frame", "margins_frame",
    "pancake_frame", "plane_frame", "plot_arc", "plot_beta_space", "plot_bootstrap",
    "plot_caterpillar", "plot_cloud", "plot_comparison", "plot_coverage", "plot_data_space",
    "plot_effects", "plot_estimators", "plot_gap", "plot_icc", "plot_implied_ellipses",
    "plot_implied_icc", "plot_implied_lines", "plot_influence", "plot_intercept_weights",
    "plot_level1_residuals", "plot_level2_residuals", "plot_margins", "plot_pancake", "plot_plane",
    "plot_power_curve", "plot_power_scaling", "plot_predictive_check", "plot_prior_ellipses",
    "plot_prior_posterior", "plot_profile_zeta", "plot_rank_ecdf", "plot_residual_acf",
    "plot_residual_variogram", "plot_ridge", "plot_shrinkage", "plot_shrinkage_factors",
    "plot_simulated_school", "plot_three_means", "plot_tipping", "plot_tornado", "plot_trellis",
    "plot_uniform_quantiles", "plot_visit_means", "power_curve_frame", "power_scaling_frame",
    "predictive_check_frame", "prior_ellipses_frame", "prior_posterior_frame", "profile_zeta_frame",
    "rank_ecdf_frame", "residual_acf_frame", "residual_variogram_frame", "ridge_frame",
    "shadow_frame", "shadow_radius", "shrinkage_factors_frame", "shrinkage_frame",
    "simulated_school_frame", "three_means_frame", "tipping_frame", "tornado_frame",
    "trellis_frame", "uniform_quantiles_frame", "visit_means_frame",
]  # fmt: skip

# Where each name lives; its module is loaded when the name is first used.
_HOMES = {
    "hierbayes.plots.arc": ("Arc", "arc_frame", "plot_arc"),
    "hierbayes.plots.beta_space": ("BetaSpace", "beta_space_frame", "plot_beta_space"),
    "hierbayes.plots.bootstrap": ("bootstrap_frame", "plot_bootstrap"),
    "hierbayes.plots.caterpillar": ("Caterpillar", "caterpillar_frame", "plot_caterpillar"),
    "hierbayes.plots.cloud": ("Cloud", "cloud_frame", "plot_cloud"),
    "hierbayes.plots.comparison": ("comparison_frame", "plot_comparison"),
    "hierbayes.plots.data_space": ("DataSpace", "data_space_frame", "plot_data_space"),
    "hierbayes.plots.effects": ("Effects", "effects_frame", "plot_effects"),
    "hierbayes.plots.ellipse": (
        "Ellipse",
        "confidence_radius",
        "ellipse_frame",
        "shadow_frame",
        "shadow_radius",
    ),
    "hierbayes.plots.estimators": ("EstimatorsInBetaSpace", "estimators_frame", "plot_estimators"),
    "hierbayes.plots.gap": ("Gap", "gap_frame", "plot_gap"),
    "hierbayes.plots.icc": ("icc_frame", "plot_icc"),
    "hierbayes.plots.implied_lines": ("implied_lines_frame", "plot_implied_lines"),
    "hierbayes.plots.implied_variance": (
        "implied_ellipses_frame",
        "implied_icc_frame",
        "plot_implied_ellipses",
        "plot_implied_icc",
    ),
    "hierbayes.plots.influence": ("influence_frame", "plot_influence"),
    "hierbayes.plots.intercept_weights": ("intercept_weights_frame", "plot_intercept_weights"),
    "hierbayes.plots.level1_residuals": (
        "Level1Picture",
        "level1_residuals_frame",
        "plot_level1_residuals",
    ),
    "hierbayes.plots.level2_residuals": (
        "Level2Picture",
        "level2_residuals_frame",
        "plot_level2_residuals",
    ),
    "hierbayes.plots.margins": ("margins_frame", "plot_margins"),
    "hierbayes.plots.pancake": ("Pancake", "pancake_frame", "plot_pancake"),
    "hierbayes.plots.plane": ("Plane", "plane_frame", "plot_plane"),
    "hierbayes.plots.predictive_check": (
        "CheckPicture",
        "plot_predictive_check",
        "predictive_check_frame",
    ),
    "hierbayes.plots.power_scaling": ("plot_power_scaling", "power_scaling_frame"),
    "hierbayes.plots.prior_ellipses": ("plot_prior_ellipses", "prior_ellipses_frame"),
    "hierbayes.plots.prior_posterior": ("plot_prior_posterior", "prior_posterior_frame"),
    "hierbayes.plots.profile_zeta": ("plot_profile_zeta", "profile_zeta_frame"),
    "hierbayes.plots.coverage": ("Coverage", "coverage_frame", "plot_coverage"),
    "hierbayes.plots.power_curve": ("PowerCurve", "plot_power_curve", "power_curve_frame"),
    "hierbayes.plots.rank_ecdf": ("RankEcdf", "plot_rank_ecdf", "rank_ecdf_frame"),
    "hierbayes.plots.residual_acf": ("plot_residual_acf", "residual_acf_frame"),
    "hierbayes.plots.residual_variogram": (
        "plot_residual_variogram",
        "residual_variogram_frame",
    ),
    "hierbayes.plots.ridge": ("plot_ridge", "ridge_frame"),
    "hierbayes.plots.shrinkage": ("plot_shrinkage", "shrinkage_frame"),
    "hierbayes.plots.shrinkage_factors": ("plot_shrinkage_factors", "shrinkage_factors_frame"),
    "hierbayes.plots.simulated_school": (
        "SimulatedSchool",
        "plot_simulated_school",
        "simulated_school_frame",
    ),
    "hierbayes.plots.three_means": ("ThreeMeans", "plot_three_means", "three_means_frame"),
    "hierbayes.plots.tipping": ("plot_tipping", "tipping_frame"),
    "hierbayes.plots.tornado": ("plot_tornado", "tornado_frame"),
    "hierbayes.plots.trellis": ("Trellis", "plot_trellis", "trellis_frame"),
    "hierbayes.plots.uniform_quantiles": (
        "UniformQuantiles",
        "plot_uniform_quantiles",
        "uniform_quantiles_frame",
    ),
    "hierbayes.plots.visit_means": ("VisitMeans", "plot_visit_means", "visit_means_frame"),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, _HOMES)
