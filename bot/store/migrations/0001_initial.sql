-- Everything that Fairbrush remembers. Times are UTC milliseconds, amounts of GPU time integer microseconds:
-- sums of integers are exact, so that the ledger adds up to the last digit.

-- People ------------------------------------------------------------------------------------------------

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  tier TEXT,
  allowance TEXT CHECK (allowance IS NULL OR json_valid(allowance)),
  blocked_until INTEGER,
  blocked_reason TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- All that people did refers to the key, never to the text: linking changes "user" alone, and erasing a person
-- replaces "identity" alone, without a touch on the ledger.
CREATE TABLE identities (
  key INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL REFERENCES users (id),
  since INTEGER NOT NULL
) STRICT;
CREATE INDEX identities_of ON identities (user);

-- The name last seen; "folded" is for finding people without regard to case.
CREATE TABLE names (
  identity INTEGER PRIMARY KEY REFERENCES identities (key),
  name TEXT NOT NULL,
  folded TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX names_folded ON names (folded);

-- Who did something: an identity, 'shell' or 'bot'. Apart, so that erasing a person needs no change where
-- nothing may be changed.
CREATE TABLE actors (
  key INTEGER PRIMARY KEY,
  actor TEXT NOT NULL UNIQUE
) STRICT;

-- Requests ----------------------------------------------------------------------------------------------

CREATE TABLE template_snapshots (
  content_hash TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  export BLOB NOT NULL,
  sidecar BLOB
) STRICT;

CREATE TABLE needs (
  key TEXT PRIMARY KEY,
  json TEXT NOT NULL CHECK (json_valid(json))
) STRICT, WITHOUT ROWID;

-- By path: the same content with another extension is another file.
CREATE TABLE files (
  path TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX files_added ON files (added_at);

CREATE TABLE requests (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  identity INTEGER NOT NULL REFERENCES identities (key),
  event TEXT NOT NULL UNIQUE,
  platform TEXT NOT NULL,
  template TEXT NOT NULL,
  template_hash TEXT NOT NULL REFERENCES template_snapshots (content_hash),
  "values" TEXT NOT NULL CHECK (json_valid("values")),
  count INTEGER NOT NULL,
  private INTEGER NOT NULL CHECK (private IN (0, 1)),
  tier TEXT NOT NULL,
  weight REAL NOT NULL CHECK (weight > 0),
  reply TEXT,
  options TEXT NOT NULL CHECK (json_valid(options)),
  -- What the jobs were admitted under: an overshoot is carried by the same rules, whatever the config says by then.
  rules TEXT NOT NULL CHECK (json_valid(rules)),
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  expired_at INTEGER
) STRICT;
CREATE INDEX requests_of ON requests (identity);
CREATE INDEX requests_open ON requests (identity) WHERE ended_at IS NULL;
CREATE INDEX requests_to_expire ON requests (ended_at) WHERE ended_at IS NOT NULL AND expired_at IS NULL;

CREATE TABLE request_inputs (
  request TEXT NOT NULL REFERENCES requests (id),
  number INTEGER NOT NULL,
  file TEXT NOT NULL REFERENCES files (path),
  PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_inputs_file ON request_inputs (file);

-- Jobs --------------------------------------------------------------------------------------------------

-- "place" is a job's place in line among all jobs ever accepted. "changed_at" and "changed_why" are what the
-- trigger writes into job_states, so that no change of state can go unrecorded. A seed can have 64 bits without a
-- sign, which INTEGER cannot hold.
CREATE TABLE jobs (
  place INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  request TEXT NOT NULL REFERENCES requests (id),
  number INTEGER NOT NULL CHECK (number >= 0),
  identity INTEGER NOT NULL REFERENCES identities (key),
  seed TEXT,
  template TEXT NOT NULL,
  model TEXT NOT NULL,
  pixels INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  needs TEXT NOT NULL,
  first_guess REAL,
  weight REAL NOT NULL,
  fingerprint TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'staged', 'running', 'done', 'failed', 'cancelled')),
  attempt TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  reserved_us INTEGER NOT NULL CHECK (reserved_us >= 0),
  measured_us INTEGER CHECK (measured_us >= 0),
  swap_us INTEGER CHECK (swap_us >= 0),
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  changed_at INTEGER NOT NULL,
  changed_why TEXT NOT NULL DEFAULT '',
  error_code TEXT NOT NULL DEFAULT '',
  error_text TEXT NOT NULL DEFAULT '',
  kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
  UNIQUE (request, number),
  CHECK ((state IN ('staged', 'running')) = (attempt IS NOT NULL)),
  CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
  CHECK (kept = 0 OR state = 'done')
) STRICT;
CREATE INDEX jobs_waiting ON jobs (place) WHERE state = 'queued';
CREATE INDEX jobs_open_of ON jobs (identity) WHERE state IN ('queued', 'staged', 'running');
CREATE INDEX jobs_kept ON jobs (fingerprint, place) WHERE kept = 1;
CREATE INDEX jobs_created ON jobs (created_at);

-- The table of bot/domain/jobs.py once more: whatever writes here cannot move a job where it may not go.
CREATE TRIGGER jobs_move BEFORE UPDATE OF state ON jobs
WHEN NOT CASE old.state
  WHEN 'queued' THEN new.state IN ('staged', 'failed', 'cancelled')
  WHEN 'staged' THEN new.state IN ('running', 'queued', 'done', 'failed', 'cancelled')
  WHEN 'running' THEN new.state IN ('queued', 'done', 'failed', 'cancelled')
  ELSE 0
END
BEGIN
  SELECT RAISE (ABORT, 'illegal move of a job');
END;

CREATE TABLE job_states (
  number INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (place),
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX job_states_of ON job_states (job);

-- Counting a long history at every submit would cost more the longer it gets.
CREATE TABLE job_counts (
  state TEXT PRIMARY KEY,
  jobs INTEGER NOT NULL CHECK (jobs >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO job_counts VALUES
  ('queued', 0), ('staged', 0), ('running', 0), ('done', 0), ('failed', 0), ('cancelled', 0);

CREATE TRIGGER jobs_born AFTER INSERT ON jobs BEGIN
  INSERT INTO job_states (job, at, state, reason) VALUES (new.place, new.changed_at, new.state, new.changed_why);
  UPDATE job_counts SET jobs = jobs + 1 WHERE state = new.state;
END;
CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs BEGIN
  INSERT INTO job_states (job, at, state, reason) VALUES (new.place, new.changed_at, new.state, new.changed_why);
  UPDATE job_counts SET jobs = jobs - 1 WHERE state = old.state;
  UPDATE job_counts SET jobs = jobs + 1 WHERE state = new.state;
END;
CREATE TRIGGER jobs_stay BEFORE DELETE ON jobs BEGIN
  SELECT RAISE (ABORT, 'jobs are never deleted');
END;

-- One submission of a job to one server, written before it is posted.
CREATE TABLE attempts (
  prompt_id TEXT PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (place),
  server TEXT NOT NULL,
  client_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'ended', 'lost')),
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  cancel_by TEXT NOT NULL DEFAULT '',
  CHECK ((state = 'open') = (ended_at IS NULL))
) STRICT;
CREATE INDEX attempts_of ON attempts (job);
CREATE INDEX attempts_open ON attempts (created_at) WHERE state = 'open';

CREATE TABLE results (
  job INTEGER NOT NULL REFERENCES jobs (place),
  number INTEGER NOT NULL,
  file TEXT NOT NULL REFERENCES files (path),
  kind TEXT NOT NULL,
  node TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX results_file ON results (file);

CREATE TABLE texts (
  job INTEGER NOT NULL REFERENCES jobs (place),
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- Deliveries --------------------------------------------------------------------------------------------

-- Written with the request; "due_at" is empty until the request is over.
CREATE TABLE deliveries (
  request TEXT PRIMARY KEY REFERENCES requests (id),
  platform TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'claimed', 'sent', 'unknown', 'kept')),
  sent TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER,
  changed_at INTEGER NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  CHECK (state = 'pending' OR due_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (platform, due_at) WHERE state = 'pending' AND due_at IS NOT NULL;
CREATE INDEX deliveries_claimed ON deliveries (request) WHERE state = 'claimed';

-- Quota -------------------------------------------------------------------------------------------------

CREATE TABLE ledger (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  identity INTEGER NOT NULL REFERENCES identities (key),
  kind TEXT NOT NULL CHECK (kind IN ('reserve', 'settle', 'release', 'grant', 'carry')),
  us INTEGER NOT NULL CHECK (us >= 0 OR kind = 'grant'),
  quota_day TEXT NOT NULL,
  job INTEGER REFERENCES jobs (place),
  actor INTEGER NOT NULL REFERENCES actors (key),
  reason TEXT NOT NULL,
  CHECK (job IS NOT NULL OR kind IN ('grant', 'carry'))
) STRICT;
-- Each job has one reserve and one close, whatever else goes wrong.
CREATE UNIQUE INDEX ledger_one_reserve ON ledger (job) WHERE kind = 'reserve';
CREATE UNIQUE INDEX ledger_one_close ON ledger (job) WHERE kind IN ('settle', 'release');
CREATE INDEX ledger_of ON ledger (identity, at);
CREATE INDEX ledger_at ON ledger (at);

CREATE TRIGGER ledger_unchanged BEFORE UPDATE ON ledger BEGIN
  SELECT RAISE (ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_kept BEFORE DELETE ON ledger BEGIN
  SELECT RAISE (ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_closes_a_reserve BEFORE INSERT ON ledger
WHEN new.kind IN ('settle', 'release')
  AND NOT EXISTS (SELECT 1 FROM ledger WHERE job = new.job AND kind = 'reserve' AND quota_day = new.quota_day)
BEGIN
  SELECT RAISE (ABORT, 'nothing was reserved for this job on that day');
END;

-- The ledger summed up, so that admission reads one row a day. Only the trigger below writes it.
CREATE TABLE usage_days (
  identity INTEGER NOT NULL REFERENCES identities (key),
  quota_day TEXT NOT NULL,
  settled_us INTEGER NOT NULL DEFAULT 0,
  reserved_us INTEGER NOT NULL DEFAULT 0 CHECK (reserved_us >= 0),
  granted_us INTEGER NOT NULL DEFAULT 0,
  carried_us INTEGER NOT NULL DEFAULT 0,
  jobs INTEGER NOT NULL DEFAULT 0 CHECK (jobs >= 0),
  PRIMARY KEY (identity, quota_day)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_summed AFTER INSERT ON ledger BEGIN
  INSERT OR IGNORE INTO usage_days (identity, quota_day) VALUES (new.identity, new.quota_day);
  UPDATE usage_days SET
    settled_us = settled_us + iif(new.kind = 'settle', new.us, 0),
    reserved_us = reserved_us + CASE
      WHEN new.kind = 'reserve' THEN new.us
      WHEN new.kind IN ('settle', 'release')
        THEN -(SELECT us FROM ledger WHERE job = new.job AND kind = 'reserve')
      ELSE 0 END,
    granted_us = granted_us + iif(new.kind = 'grant', new.us, 0),
    carried_us = carried_us + iif(new.kind = 'carry', new.us, 0),
    jobs = jobs + CASE new.kind WHEN 'reserve' THEN 1 WHEN 'release' THEN -1 ELSE 0 END
  WHERE identity = new.identity AND quota_day = new.quota_day;
END;

-- What is learned, and small state ----------------------------------------------------------------------

CREATE TABLE learned (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  json TEXT NOT NULL CHECK (json_valid(json)),
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE flows (
  user TEXT PRIMARY KEY,
  virtual_time REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
  key TEXT PRIMARY KEY,
  json TEXT NOT NULL CHECK (json_valid(json))
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

-- As the records of the program have it; also the easiest way to look into the file by hand ----------------

CREATE VIEW request_records AS
SELECT r.id, i.identity, i.user, r.event, r.platform, r.template, r.template_hash, r."values", r.count, r.private,
  r.tier, r.weight, r.reply, r.options, r.created_at, r.ended_at, r.expired_at, r.identity AS identity_key,
  r.number
FROM requests AS r JOIN identities AS i ON i.key = r.identity;

CREATE VIEW job_records AS
SELECT j.place, j.id, j.request, j.number, i.identity, i.user, j.seed, j.template, j.model, j.pixels, j.steps, j.needs,
  j.first_guess, j.weight, j.fingerprint, j.state, j.attempt, j.attempts, j.reserved_us, j.measured_us, j.swap_us,
  j.created_at, j.started_at, j.ended_at, j.error_code, j.error_text, r.private, j.identity AS identity_key
FROM jobs AS j
JOIN identities AS i ON i.key = j.identity
JOIN requests AS r ON r.id = j.request;

CREATE VIEW attempt_records AS
SELECT a.prompt_id, j.id AS job, a.server, a.client_id, a.state, a.created_at, a.started_at, a.ended_at, a.cancel_by,
  a.job AS place
FROM attempts AS a JOIN jobs AS j ON j.place = a.job;

CREATE VIEW ledger_entries AS
SELECT l.number, l.at, i.identity, i.user, l.kind, l.us / 1e6 AS seconds, l.quota_day, j.id AS job, a.actor, l.reason,
  l.identity AS identity_key
FROM ledger AS l
JOIN identities AS i ON i.key = l.identity
JOIN actors AS a ON a.key = l.actor
LEFT JOIN jobs AS j ON j.place = l.job;
