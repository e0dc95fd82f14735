"""
The login checkers that come with imtw.
"""

from imtw.plugin import CheckerMaker

accounts = CheckerMaker(
    "accounts", "imtw.accounts.checkers.storeChecker", "the store's own accounts, with argon2id hashes"
)
anyone = CheckerMaker(
    "anyone", "imtw.accounts.checkers.AnyoneChecker", "any password for any name; for tests and benchmarks only"
)
cred = CheckerMaker(
    "cred", "imtw.accounts.checkers.credChecker", "a checker of twisted.cred, such as cred:file:/path/to/passwd"
)
