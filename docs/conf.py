"""
Sphinx's settings.
"""

from configparser import ConfigParser
from pathlib import Path

metadata = ConfigParser()
metadata.read(Path(__file__).parent.parent / "setup.cfg", encoding="utf-8")

project = "imtw"
copyright = "the imtw authors"
version = release = metadata["metadata"]["version"]

extensions: list[str] = []
exclude_patterns = ["_build"]
highlight_language = "none"
html_theme = "furo"
html_title = f"imtw {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
