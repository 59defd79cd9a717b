-- What people set for themselves, whom a place does not want, linking, updates that wait to be handled, and why
-- something is gone.

-- One's own defaults, by user: linked accounts share those of the user they joined, and after an unlinking each
-- has again what it had before.
CREATE TABLE defaults (
  user TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (user, name)
) STRICT, WITHOUT ROWID;

-- By identity, not by user: neither linking nor unlinking may lift a block. No "until": for good.
CREATE TABLE place_blocks (
  place TEXT NOT NULL,
  identity INTEGER NOT NULL REFERENCES identities (key),
  until INTEGER,
  reason TEXT NOT NULL,
  actor INTEGER NOT NULL REFERENCES actors (key),
  at INTEGER NOT NULL,
  PRIMARY KEY (place, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_blocks_of ON place_blocks (identity);

-- At most one code of each identity is good at a time. Only its hash is here.
CREATE TABLE link_codes (
  identity INTEGER PRIMARY KEY REFERENCES identities (key),
  code_hash TEXT NOT NULL UNIQUE,
  expires_at INTEGER NOT NULL
) STRICT;

-- Wrong codes that an identity entered since a moment.
CREATE TABLE link_tries (
  identity INTEGER PRIMARY KEY REFERENCES identities (key),
  tries INTEGER NOT NULL CHECK (tries > 0),
  since INTEGER NOT NULL
) STRICT;

-- For as long as it matters for a quota: which nameless identity ("before") used it, by a keyed hash of the
-- identity that was erased, and who came back as that ("now").
CREATE TABLE erased_use (
  mark TEXT NOT NULL,
  before INTEGER NOT NULL REFERENCES identities (key),
  now INTEGER REFERENCES identities (key),
  until INTEGER NOT NULL,
  PRIMARY KEY (mark, before)
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_use_now ON erased_use (now);
CREATE INDEX erased_use_before ON erased_use (before);
CREATE INDEX erased_use_until ON erased_use (until);

-- Whose use counts against a user's quota.
CREATE VIEW counted AS
SELECT user, key AS identity FROM identities
UNION ALL
SELECT i.user, e.before AS identity FROM erased_use AS e JOIN identities AS i ON i.key = e.now;

-- Updates of Telegram, written before they are confirmed there. The text goes when the update is done; its number
-- stays until Telegram cannot send it again.
CREATE TABLE telegram_updates (
  update_id INTEGER PRIMARY KEY,
  json TEXT,
  received_at INTEGER NOT NULL,
  done_at INTEGER,
  CHECK ((json IS NULL) = (done_at IS NOT NULL))
) STRICT;
CREATE INDEX telegram_updates_waiting ON telegram_updates (update_id) WHERE done_at IS NULL;
CREATE INDEX telegram_updates_received ON telegram_updates (received_at, update_id);

-- Why the words and pictures of a request are not here any more.
ALTER TABLE requests ADD COLUMN gone TEXT CHECK (gone IN ('expired', 'deleted', 'erased'));
UPDATE requests SET gone = iif(instr(event, 'erased:') = 1, 'erased', 'expired') WHERE expired_at IS NOT NULL;

DROP VIEW request_records;
CREATE VIEW request_records AS
SELECT r.id, i.identity, i.user, r.event, r.platform, r.template, r.template_hash, r."values", r.count, r.private,
  r.tier, r.weight, r.reply, r.options, r.created_at, r.ended_at, r.expired_at, r.gone, r.identity AS identity_key,
  r.number
FROM requests AS r JOIN identities AS i ON i.key = r.identity;
