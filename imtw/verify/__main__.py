"""
C{python -m imtw.verify}: the same as C{imtw verify}, where there is no C{imtw}
on the path.
"""

import sys

from imtw.cli.command import run

sys.exit(run(["verify", *sys.argv[1:]]))
