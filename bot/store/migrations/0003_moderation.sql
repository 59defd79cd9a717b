-- Refused texts, by identity like the blocks of a place: those of linked accounts add up. Never the text. No place: a
-- rule of the whole bot. "until": when it is forgotten.
CREATE TABLE strikes (
  number INTEGER PRIMARY KEY,
  identity INTEGER NOT NULL REFERENCES identities (key),
  place TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('word', 'hook')),
  at INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE INDEX strikes_of ON strikes (identity, place);
CREATE INDEX strikes_until ON strikes (until);

-- Whether a picture that somebody hands in is one of ours.
CREATE INDEX files_content ON files (sha256);
