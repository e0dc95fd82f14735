"""
What a chat server is about, in imtw's own terms: users, groups,
conversations, messages.

Every dialect turns its own shapes into these and back.  Nothing here knows a
wire, a store or a session.
"""

from imtw.model.messages import RECALLED, Draft, Fact, Message, Pair, Scope, groupPair, privatePair
from imtw.model.names import LONGEST_ID, MARK, MAX_NAME, isId, isName, realmOf
from imtw.model.people import SECRETS, Account, Admission, Device, Friend, Invitation, Liberty, Token, TokenTerms, User
from imtw.model.places import Entry, Group, Membership, Mode, Passport, Receipt, Role, Standing, Tally

__all__ = [
    "LONGEST_ID",
    "MARK",
    "MAX_NAME",
    "RECALLED",
    "SECRETS",
    "Account",
    "Admission",
    "Device",
    "Draft",
    "Entry",
    "Fact",
    "Friend",
    "Group",
    "Invitation",
    "Liberty",
    "Membership",
    "Message",
    "Mode",
    "Pair",
    "Passport",
    "Receipt",
    "Role",
    "Scope",
    "Standing",
    "Tally",
    "Token",
    "TokenTerms",
    "User",
    "groupPair",
    "isId",
    "isName",
    "privatePair",
    "realmOf",
]
