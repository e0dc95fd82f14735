"""
C{python -m bench run|profile|growth}: what the programs of these names do, in
an environment that has imtw.
"""

import sys
from importlib import import_module

from bench.command import main

PROGRAMS = {"run": "bench.command", "profile": "bench.profiling", "growth": "bench.curves"}

name = sys.argv.pop(1)
sys.exit(main(import_module(PROGRAMS[name]).run, f"bench/{name}"))
