"""The reference site: pages made from the package, and built by ``python -m tests.site``."""
