"""Settings of the reference site: Sphinx, the PyData theme, numpydoc, notebooks by MyST-NB."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # mathml

project = "hierbayes"
author = "The hierbayes developers"
copyright = author
version = release = version_of("hierbayes")

extensions = ["sphinx.ext.autodoc", "mathml", "numpydoc", "myst_nb"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
root_doc = "index"
default_role = "code"

nb_execution_mode = "off"  # notebooks are stored as they ran
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
highlight_language = "none"  # of blocks that name none: most are what is printed
suppress_warnings = ["mystnb.unknown_mime_type"]  # widgets of progress bars

autodoc_typehints = "none"  # types stand in the docstrings
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "hierbayes"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 1,
}
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_context = {"default_mode": "auto"}
