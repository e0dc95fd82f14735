-- imtw's database, version 4: tokens that one dialect alone takes, and groups
-- whose messages live for a while.

-- The dialect, or an empty text for a token that lets in everywhere.
ALTER TABLE tokens ADD COLUMN audience TEXT NOT NULL DEFAULT '';

-- The dialect that made a group by joining it, or an empty text.
ALTER TABLE groups ADD COLUMN origin TEXT NOT NULL DEFAULT '';

CREATE INDEX groups_by_origin ON groups (origin, id) WHERE origin <> '';

-- The first row that is left of a log: what stood before it is gone, or is
-- being removed, and all messages up to it count as recalled.
ALTER TABLE conversations ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;

CREATE INDEX conversations_by_floor ON conversations (id) WHERE floor > 0;
