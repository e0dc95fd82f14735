from imtw.plugin import PolicyMaker

membersOnly = PolicyMaker(
    "members-only", "imtw.policies.MembersOnly", "groups made on purpose are joined by invitation only"
)
