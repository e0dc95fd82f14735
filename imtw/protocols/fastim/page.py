"""
FastIM's test page, as it lies beside this module, and what a browser has to
know to keep it safe: nothing runs but the one script in it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

PAGE = files("imtw.protocols.fastim").joinpath("page.html").read_bytes()


def _hashOf(tag: str) -> str:
    """
    What names the contents of the page's one element of a kind.
    """
    [contents] = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), PAGE, re.DOTALL)
    return f"'sha256-{b64encode(sha256(contents).digest()).decode()}'"


PAGE_HEADERS = {
    b"Content-Security-Policy": (
        f"default-src 'none'; script-src {_hashOf('script')}; style-src {_hashOf('style')}; "
        "connect-src ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ).encode(),
    b"Referrer-Policy": b"no-referrer",
    b"Cache-Control": b"no-cache",
}
