"""
Sphinx's settings.
"""

from configparser import ConfigParser
from logging import getLogger
from pathlib import Path

metadata = ConfigParser()
metadata.read(Path(__file__).parent.parent / "setup.cfg", encoding="utf-8")

project = "imtw"
copyright = "the imtw authors"
version = release = metadata["metadata"]["version"]

extensions: list[str] = []
exclude_patterns = ["_build"]
highlight_language = "none"
# The table of contents takes in pages as they come, and where there are none yet Sphinx warns.  It gives
# that warning no type, so suppress_warnings cannot name it.
getLogger("sphinx.sphinx.directives.other").addFilter(lambda record: getattr(record, "subtype", "") != "empty_glob")

html_theme = "furo"
html_title = f"imtw {release}"
