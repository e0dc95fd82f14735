"""
What C{imtw import} can bring over.
"""

from imtw.plugin import ImporterMaker

easyim = ImporterMaker(
    "easyim-database",
    "imtw.protocols.easyim.importer.EasyimImporter",
    "an easyim server's sqlite3.db: users, friends, requests, groups and their members",
)
