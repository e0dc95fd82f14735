-- imtw's database, version 1.  Applied in one transaction, together with
-- the number of the version (PRAGMA user_version).
--
-- Times are ms since the epoch.  Texts sort by their code points.

-- Who may log in, and how others see them.
CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    nick TEXT NOT NULL,
    avatar TEXT,
    sign TEXT,
    terminal TEXT,                          -- the carrier of the last login
    operator INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0,
    secret TEXT NOT NULL DEFAULT '',        -- argon2id, or empty: no login by password
    extras TEXT,                            -- JSON
    number INTEGER,                         -- where a dialect needs a number for a name
    created INTEGER NOT NULL,
    entered INTEGER,                        -- the first login
    strangers INTEGER NOT NULL DEFAULT 0    -- conversations opened with names that nobody had
) WITHOUT ROWID;

CREATE UNIQUE INDEX users_by_number ON users (number) WHERE number IS NOT NULL;

CREATE TABLE tokens (
    digest BLOB NOT NULL PRIMARY KEY,
    user TEXT NOT NULL,
    device TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX tokens_by_user ON tokens (user);

-- What has a log: two users, in the order of their ids (scope 1), or a
-- group, whose b is empty (scope 2).
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (a, b, scope)
);

CREATE TABLE groups (
    id TEXT NOT NULL PRIMARY KEY,
    conversation INTEGER NOT NULL,
    name TEXT NOT NULL,
    avatar TEXT,
    mode INTEGER NOT NULL DEFAULT 0,        -- 0: open, anybody may post
    owner TEXT,
    extras TEXT,                            -- JSON
    created INTEGER NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX groups_by_conversation ON groups (conversation);

-- A user's place in a conversation.  The scope is that of the conversation,
-- so that a user's groups are found among any number of private ones.
CREATE TABLE members (
    user TEXT NOT NULL,
    scope INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    joined INTEGER NOT NULL,                -- never the same twice for groups: gives their order
    cursor INTEGER NOT NULL,                -- the last seq that the user's devices without a name have
    PRIMARY KEY (user, scope, conversation)
) WITHOUT ROWID;

CREATE INDEX members_by_conversation ON members (conversation, user);

-- The log.  A conversation's head is its last row, here or in the journal:
-- writing a message changes nothing else.  What its checksum covers: imtw/persistence/rows.py.
CREATE TABLE messages (
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,                   -- 1, 2, ... in a conversation
    n INTEGER NOT NULL,                     -- how many messages there are up to here
    ts INTEGER NOT NULL,                    -- the server's time, increasing in a conversation
    id TEXT NOT NULL,
    device TEXT NOT NULL,
    sender TEXT NOT NULL,
    kind TEXT NOT NULL,
    content TEXT,
    created INTEGER NOT NULL,               -- the client's time
    extras TEXT,                            -- JSON
    fact INTEGER NOT NULL,                  -- 0: a message, 1: a recall of the message with this id
    recalled INTEGER,                       -- of a message that was recalled: the seq of the row that says so
    checksum INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;

CREATE INDEX messages_by_id ON messages (conversation, id, sender, seq) WHERE fact = 0;

-- A device's message has its id once and for all.  The writer sees to that,
-- not this index: a message is acknowledged before it gets here.
CREATE INDEX messages_by_device ON messages (sender, id) WHERE fact = 0 AND device <> '';

-- Only messages whose two times are far apart: all others are found by ts,
-- which is in the order of seq (imtw/persistence/pages.py).
CREATE INDEX messages_astray ON messages (conversation, created, seq)
    WHERE created NOT BETWEEN ts - 10000 AND ts + 10000;

-- The newest rows, some of which are not in the table messages yet.  Each
-- entry is what one commit added, as JSON (imtw/persistence/tail.py).  After
-- a clean stop, and before the schema changes, it is empty.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    entry BLOB NOT NULL
);

-- The messages that were recalled, so that pages can be counted without
-- walking: of each, how many messages before it were not.
CREATE TABLE recalls (
    conversation INTEGER NOT NULL,
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    visible INTEGER NOT NULL,
    PRIMARY KEY (conversation, n)
) WITHOUT ROWID;

CREATE INDEX recalls_by_visible ON recalls (conversation, visible, n);

-- Plugins' own values.
CREATE TABLE shelf (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (name, key)
) WITHOUT ROWID;
