-- imtw's database, version 3: friends.

-- Whom a user has as a friend; friendship has a row each way.
CREATE TABLE friends (
    user TEXT NOT NULL,
    friend TEXT NOT NULL,
    remark TEXT NOT NULL,                   -- what the user calls the friend, or empty
    since INTEGER NOT NULL,
    PRIMARY KEY (user, friend)
) WITHOUT ROWID;

-- Who wants to be whose friend.
CREATE TABLE invitations (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,                     -- who invites
    friend TEXT NOT NULL,                   -- who is invited
    note TEXT NOT NULL,
    agreed INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0,        -- who it is up to knows: the invited, and once agreed the one who invites
    created INTEGER NOT NULL,
    UNIQUE (user, friend)
);

CREATE INDEX invitations_by_friend ON invitations (friend, agreed, told);
CREATE INDEX invitations_by_user ON invitations (user, agreed, told);
