-- imtw's database, version 5: the order of a user's private conversations,
-- and those of them in which something waits.

-- Of a private conversation, but for what came lately: the server's time of
-- the last row, a seq up to which all rows behind it are the user's own, and
-- which settling found that, 1, 2, ... for a user (imtw/persistence/recent.py).
ALTER TABLE members ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;

UPDATE members SET
    settled = 1,
    last = coalesce((
        SELECT ts FROM messages WHERE conversation = members.conversation ORDER BY seq DESC LIMIT 1
    ), 0),
    heard = max(0, coalesce((
        SELECT seq FROM (
            SELECT seq, sender FROM messages WHERE conversation = members.conversation ORDER BY seq DESC LIMIT 2000
        ) WHERE sender <> members.user LIMIT 1
    ), (SELECT max(seq) - 2000 FROM messages WHERE conversation = members.conversation), 0))
WHERE scope = 1;

CREATE INDEX members_by_last ON members (user, last DESC, conversation) WHERE scope = 1;
CREATE INDEX members_by_settled ON members (user, settled) WHERE scope = 1;
CREATE INDEX members_waiting ON members (user, conversation) WHERE scope = 1 AND heard > cursor;

-- The private conversations that came since.
CREATE TABLE unsettled (
    user TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    PRIMARY KEY (user, conversation)
) WITHOUT ROWID;

-- Of all that was settled up to then, the device has every row.
ALTER TABLE devices ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
