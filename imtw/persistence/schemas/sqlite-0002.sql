-- imtw's database, version 2: devices, what users have read, roles, who may
-- not speak, edits.

-- The devices that users named, and how far each has got.  Where a device
-- has no row, or a lower one, it has what was there when its user came in.
CREATE TABLE devices (
    user TEXT NOT NULL,
    device TEXT NOT NULL,
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL,                  -- the last login
    PRIMARY KEY (user, device)
) WITHOUT ROWID;

CREATE TABLE device_cursors (
    user TEXT NOT NULL,
    device TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    cursor INTEGER NOT NULL,                -- the last seq that the device has confirmed
    PRIMARY KEY (user, device, conversation)
) WITHOUT ROWID;

ALTER TABLE members ADD COLUMN role INTEGER NOT NULL DEFAULT 0;    -- 1: admin, 2: owner
ALTER TABLE members ADD COLUMN read INTEGER NOT NULL DEFAULT 0;    -- the last seq that the user has read
ALTER TABLE members ADD COLUMN start INTEGER NOT NULL DEFAULT 0;   -- a group's last seq when it was joined

-- What was told so far is taken as read.
UPDATE members SET read = cursor, start = cursor * (scope = 2);

-- Who may not speak in a group: members or not, now or when they come back.
CREATE TABLE restrictions (
    conversation INTEGER NOT NULL,
    user TEXT NOT NULL,
    muted INTEGER NOT NULL DEFAULT 0,       -- until then, ms
    kicked INTEGER NOT NULL DEFAULT 0,      -- may not come back
    PRIMARY KEY (conversation, user)
) WITHOUT ROWID;

-- Whose private messages a user does not want.
CREATE TABLE blocks (
    user TEXT NOT NULL,
    other TEXT NOT NULL,
    PRIMARY KEY (user, other)
) WITHOUT ROWID;

-- Of a message that was edited: the server's time of the last edit.  The
-- checksum covers it where there is one.
ALTER TABLE messages ADD COLUMN edited INTEGER;

-- The rows that say so (fact 2).
CREATE INDEX messages_by_edit ON messages (conversation, id, sender, seq) WHERE fact = 2;
