-- imtw's database, version 4: tokens that one dialect alone takes.

-- The dialect, or an empty text for a token that lets in everywhere.
ALTER TABLE tokens ADD COLUMN audience TEXT NOT NULL DEFAULT '';
