BEGIN TRANSACTION;
CREATE TABLE actors (
  key INTEGER PRIMARY KEY,
  actor TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "actors" VALUES(1,'shell');
INSERT INTO "actors" VALUES(2,'discord:1');
INSERT INTO "actors" VALUES(3,'bot');
INSERT INTO "actors" VALUES(4,'telegram:5');
INSERT INTO "actors" VALUES(5,'discord:2');
INSERT INTO "actors" VALUES(6,'erased:5');
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
INSERT INTO "attempts" VALUES('prompt-1',1,'local','client','ended',1795003200000,1795003200000,1795003200000,'');
INSERT INTO "attempts" VALUES('prompt-2',3,'local','client','ended',1795003200000,1795003200000,1795003200000,'');
INSERT INTO "attempts" VALUES('prompt-4',5,'local','client','lost',1795003200000,1795003200000,1795003200000,'');
INSERT INTO "attempts" VALUES('prompt-6',6,'local','client','open',1795003200000,NULL,NULL,'');
INSERT INTO "attempts" VALUES('prompt-8',7,'local','client','open',1795003200000,1795003200000,NULL,'');
INSERT INTO "attempts" VALUES('prompt-10',8,'local','client','ended',1795003200000,1795003200000,1795003200000,'');
CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
INSERT INTO "audit" VALUES(1,1795003200000,'shell','tier','discord:1','patron');
INSERT INTO "audit" VALUES(2,1795003200000,'shell','allowance','discord:1','{"gpu_seconds":20.0,"jobs":null}');
INSERT INTO "audit" VALUES(3,1795003200000,'shell','block','discord:1','1795003199999 it was a test');
INSERT INTO "audit" VALUES(4,1795003200000,'shell','grant','discord:1','100 s on 2026-11-18 a present');
INSERT INTO "audit" VALUES(5,1795003200000,'discord:2','block','discord:1','discord:guild:7 for good noise');
INSERT INTO "audit" VALUES(6,1795003200000,'telegram:7','link','discord:1','');
INSERT INTO "audit" VALUES(7,1795003200000,'erased:5','erase','erased:5','');
CREATE TABLE defaults (
  user TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (user, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "defaults" VALUES('discord:1','size','1024x768');
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
INSERT INTO "deliveries" VALUES('request00000','test','pending',NULL,0,NULL,1795003200000,'');
INSERT INTO "deliveries" VALUES('request00003','test','pending',NULL,0,NULL,1795003200000,'');
INSERT INTO "deliveries" VALUES('request00005','test','pending',NULL,0,NULL,1795003200000,'');
INSERT INTO "deliveries" VALUES('request00007','test','pending',NULL,0,NULL,1795003200000,'');
INSERT INTO "deliveries" VALUES('request00009','test','kept',NULL,0,1795003200000,1795003200000,'');
CREATE TABLE erased_use (
  mark TEXT NOT NULL,
  before INTEGER NOT NULL REFERENCES identities (key),
  now INTEGER REFERENCES identities (key),
  until INTEGER NOT NULL,
  PRIMARY KEY (mark, before)
) STRICT, WITHOUT ROWID;
INSERT INTO "erased_use" VALUES('43f734b77cfad32dbe14bdda7f399cb0a4e330b030981548f6bdf690fa963145',5,NULL,1795096800000);
CREATE TABLE files (
  path TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "files" VALUES('files/input.png','sha-input','image/png',1234,1795003200000);
INSERT INTO "files" VALUES('files/request00000-1.png','sha-request00000-1','image/png',1234,1795003200000);
CREATE TABLE flows (
  user TEXT PRIMARY KEY,
  virtual_time REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "flows" VALUES('discord:1',13.5);
CREATE TABLE identities (
  key INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL REFERENCES users (id),
  since INTEGER NOT NULL
) STRICT;
INSERT INTO "identities" VALUES(1,'discord:1','discord:1',1795003200000);
INSERT INTO "identities" VALUES(2,'telegram:5','telegram:5',1795003200000);
INSERT INTO "identities" VALUES(3,'telegram:6','telegram:6',1795003200000);
INSERT INTO "identities" VALUES(4,'telegram:7','discord:1',1795003200000);
INSERT INTO "identities" VALUES(5,'erased:5','erased:5',1795003200000);
CREATE TABLE job_counts (
  state TEXT PRIMARY KEY,
  jobs INTEGER NOT NULL CHECK (jobs >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_counts" VALUES('cancelled',1);
INSERT INTO "job_counts" VALUES('done',2);
INSERT INTO "job_counts" VALUES('failed',1);
INSERT INTO "job_counts" VALUES('queued',2);
INSERT INTO "job_counts" VALUES('running',1);
INSERT INTO "job_counts" VALUES('staged',1);
CREATE TABLE job_states (
  number INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (place),
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
INSERT INTO "job_states" VALUES(1,1,1795003200000,'queued','accepted');
INSERT INTO "job_states" VALUES(2,2,1795003200000,'queued','accepted');
INSERT INTO "job_states" VALUES(3,3,1795003200000,'queued','accepted');
INSERT INTO "job_states" VALUES(4,4,1795003200000,'queued','accepted');
INSERT INTO "job_states" VALUES(5,1,1795003200000,'staged','local');
INSERT INTO "job_states" VALUES(6,1,1795003200000,'running','');
INSERT INTO "job_states" VALUES(7,1,1795003200000,'done','');
INSERT INTO "job_states" VALUES(8,2,1795003200000,'failed','server_unreachable');
INSERT INTO "job_states" VALUES(9,3,1795003200000,'staged','local');
INSERT INTO "job_states" VALUES(10,3,1795003200000,'running','');
INSERT INTO "job_states" VALUES(11,3,1795003200000,'cancelled','cancelled');
INSERT INTO "job_states" VALUES(12,5,1795003200000,'queued','accepted');
INSERT INTO "job_states" VALUES(13,5,1795003200000,'staged','local');
INSERT INTO "job_states" VALUES(14,5,1795003200000,'running','');
INSERT INTO "job_states" VALUES(15,5,1795003200000,'queued','server_unreachable');
INSERT INTO "job_states" VALUES(16,6,1795003200000,'queued','accepted');
INSERT INTO "job_states" VALUES(17,6,1795003200000,'staged','local');
INSERT INTO "job_states" VALUES(18,7,1795003200000,'queued','accepted');
INSERT INTO "job_states" VALUES(19,7,1795003200000,'staged','local');
INSERT INTO "job_states" VALUES(20,7,1795003200000,'running','');
INSERT INTO "job_states" VALUES(21,8,1795003200000,'queued','');
INSERT INTO "job_states" VALUES(22,8,1795003200000,'staged','');
INSERT INTO "job_states" VALUES(23,8,1795003200000,'running','');
INSERT INTO "job_states" VALUES(24,8,1795003200000,'done','');
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
INSERT INTO "jobs" VALUES(1,'request00000-1','request00000',0,1,'18446744073709551615','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-0-0','done',NULL,1,10000000,150000000,0,1795003200000,1795003200000,1795003200000,1795003200000,'','','',1);
INSERT INTO "jobs" VALUES(2,'request00000-2','request00000',1,1,'18446744073709551614','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-0-1','failed',NULL,0,10000000,NULL,NULL,1795003200000,NULL,1795003200000,1795003200000,'server_unreachable','server_unreachable','The server does not answer.',0);
INSERT INTO "jobs" VALUES(3,'request00000-3','request00000',2,1,'18446744073709551613','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-0-2','cancelled',NULL,1,10000000,2500000,1000000,1795003200000,1795003200000,1795003200000,1795003200000,'cancelled','','',0);
INSERT INTO "jobs" VALUES(4,'request00000-4','request00000',3,1,'18446744073709551612','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-0-3','queued',NULL,0,10000000,NULL,NULL,1795003200000,NULL,NULL,1795003200000,'accepted','','',0);
INSERT INTO "jobs" VALUES(5,'request00003-1','request00003',0,2,'18446744073709551615','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-3-0','queued',NULL,1,10000000,NULL,NULL,1795003200000,NULL,NULL,1795003200000,'server_unreachable','','',0);
INSERT INTO "jobs" VALUES(6,'request00005-1','request00005',0,2,'18446744073709551615','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-5-0','staged','prompt-6',1,10000000,NULL,NULL,1795003200000,NULL,NULL,1795003200000,'local','','',0);
INSERT INTO "jobs" VALUES(7,'request00007-1','request00007',0,2,'18446744073709551615','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-7-0','running','prompt-8',1,10000000,NULL,NULL,1795003200000,1795003200000,NULL,1795003200000,'','','',0);
INSERT INTO "jobs" VALUES(8,'request00009-1','request00009',0,5,'18446744073709551615','text-to-image','sd15',262144,20,'needs-1',3.5,1.0,'fingerprint-9-0','done',NULL,1,10000000,4000000,0,1795003200000,1795003200000,1795003200000,1795003200000,'','','',0);
CREATE TABLE learned (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  json TEXT NOT NULL CHECK (json_valid(json)),
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "learned" VALUES('estimate','text-to-image','{"p50":3.5}');
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
INSERT INTO "ledger" VALUES(1,1795003200000,1,'grant',100000000,'2026-11-18',NULL,1,'a present');
INSERT INTO "ledger" VALUES(2,1795003200000,1,'reserve',10000000,'2026-11-18',1,2,'');
INSERT INTO "ledger" VALUES(3,1795003200000,1,'reserve',10000000,'2026-11-18',2,2,'');
INSERT INTO "ledger" VALUES(4,1795003200000,1,'reserve',10000000,'2026-11-18',3,2,'');
INSERT INTO "ledger" VALUES(5,1795003200000,1,'reserve',10000000,'2026-11-18',4,2,'');
INSERT INTO "ledger" VALUES(6,1795003200000,1,'settle',150000000,'2026-11-18',1,3,'done');
INSERT INTO "ledger" VALUES(7,1795003200000,1,'carry',20000000,'2026-11-19',1,3,'overshoot of 2026-11-18');
INSERT INTO "ledger" VALUES(8,1795003200000,1,'carry',20000000,'2026-11-20',1,3,'overshoot of 2026-11-18');
INSERT INTO "ledger" VALUES(9,1795003200000,1,'carry',20000000,'2026-11-21',1,3,'overshoot of 2026-11-18');
INSERT INTO "ledger" VALUES(10,1795003200000,1,'release',10000000,'2026-11-18',2,3,'server_unreachable');
INSERT INTO "ledger" VALUES(11,1795003200000,1,'settle',2500000,'2026-11-18',3,2,'cancelled');
INSERT INTO "ledger" VALUES(12,1795003200000,2,'reserve',10000000,'2026-11-18',5,4,'');
INSERT INTO "ledger" VALUES(13,1795003200000,2,'reserve',10000000,'2026-11-18',6,4,'');
INSERT INTO "ledger" VALUES(14,1795003200000,2,'reserve',10000000,'2026-11-18',7,4,'');
INSERT INTO "ledger" VALUES(15,1795003200000,5,'reserve',10000000,'2026-11-18',8,6,'');
INSERT INTO "ledger" VALUES(16,1795003200000,5,'settle',4000000,'2026-11-18',8,3,'done');
CREATE TABLE link_codes (
  identity INTEGER PRIMARY KEY REFERENCES identities (key),
  code_hash TEXT NOT NULL UNIQUE,
  expires_at INTEGER NOT NULL
) STRICT;
INSERT INTO "link_codes" VALUES(3,'5d41402abc4b2a76',1795003800000);
CREATE TABLE link_tries (
  identity INTEGER PRIMARY KEY REFERENCES identities (key),
  tries INTEGER NOT NULL CHECK (tries > 0),
  since INTEGER NOT NULL
) STRICT;
INSERT INTO "link_tries" VALUES(4,1,1795003200000);
CREATE TABLE names (
  identity INTEGER PRIMARY KEY REFERENCES identities (key),
  name TEXT NOT NULL,
  folded TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT;
INSERT INTO "names" VALUES(1,'Ann','ann',1795003200000);
CREATE TABLE needs (
  key TEXT PRIMARY KEY,
  json TEXT NOT NULL CHECK (json_valid(json))
) STRICT, WITHOUT ROWID;
INSERT INTO "needs" VALUES('needs-1','{"nodes":[]}');
CREATE TABLE place_blocks (
  place TEXT NOT NULL,
  identity INTEGER NOT NULL REFERENCES identities (key),
  until INTEGER,
  reason TEXT NOT NULL,
  actor INTEGER NOT NULL REFERENCES actors (key),
  at INTEGER NOT NULL,
  PRIMARY KEY (place, identity)
) STRICT, WITHOUT ROWID;
INSERT INTO "place_blocks" VALUES('discord:guild:7',1,NULL,'noise',5,1795003200000);
CREATE TABLE request_inputs (
  request TEXT NOT NULL REFERENCES requests (id),
  number INTEGER NOT NULL,
  file TEXT NOT NULL REFERENCES files (path),
  PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "request_inputs" VALUES('request00000',0,'files/input.png');
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
, gone TEXT CHECK (gone IN ('expired', 'deleted', 'erased'))) STRICT;
INSERT INTO "requests" VALUES(1,'request00000',1,'test:0','test','text-to-image','snap-1','{"prompt_text":"a lighthouse, number 0"}',4,0,'default',1.0,NULL,'{}','{"allowance":{"gpu_seconds":20.0,"jobs":null},"window":"day","timezone":"UTC"}',1795003200000,NULL,NULL,NULL);
INSERT INTO "requests" VALUES(2,'request00003',2,'test:3','test','text-to-image','snap-1','{"prompt_text":"a lighthouse, number 3"}',1,0,'default',1.0,'message:3','{}','{"allowance":{"gpu_seconds":null,"jobs":null},"window":"day","timezone":"UTC"}',1795003200000,NULL,NULL,NULL);
INSERT INTO "requests" VALUES(3,'request00005',2,'test:5','test','text-to-image','snap-1','{"prompt_text":"a lighthouse, number 5"}',1,1,'default',1.0,'message:5','{"guild":"7"}','{"allowance":{"gpu_seconds":null,"jobs":null},"window":"day","timezone":"UTC"}',1795003200000,NULL,NULL,NULL);
INSERT INTO "requests" VALUES(4,'request00007',2,'test:7','test','text-to-image','snap-1','{"prompt_text":"a lighthouse, number 7"}',1,0,'default',1.0,'message:7','{}','{"allowance":{"gpu_seconds":null,"jobs":null},"window":"day","timezone":"UTC"}',1795003200000,NULL,NULL,NULL);
INSERT INTO "requests" VALUES(5,'request00009',5,'erased:request00009','test','text-to-image','snap-1','{}',1,0,'default',1.0,NULL,'{}','{"allowance":{"gpu_seconds":null,"jobs":null},"window":"day","timezone":"UTC"}',1795003200000,1795003200000,1795003200000,'erased');
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
INSERT INTO "results" VALUES(1,0,'files/request00000-1.png','image','9',512,512);
CREATE TABLE state (
  key TEXT PRIMARY KEY,
  json TEXT NOT NULL CHECK (json_valid(json))
) STRICT, WITHOUT ROWID;
INSERT INTO "state" VALUES('erased_use','"bda325b72e44f0552cc47609585f6a7222614be8719e8b91df978b1d085091fb"');
INSERT INTO "state" VALUES('paused','false');
INSERT INTO "state" VALUES('virtual_time','12.5');
CREATE TABLE strikes (
  number INTEGER PRIMARY KEY,
  identity INTEGER NOT NULL REFERENCES identities (key),
  place TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('word', 'hook')),
  at INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
INSERT INTO "strikes" VALUES(1,1,'','word',1795003200000,1795608000000);
INSERT INTO "strikes" VALUES(2,1,'discord:guild:7','word',1795003200000,1795608000000);
CREATE TABLE telegram_updates (
  update_id INTEGER PRIMARY KEY,
  json TEXT,
  received_at INTEGER NOT NULL,
  done_at INTEGER,
  CHECK ((json IS NULL) = (done_at IS NOT NULL))
) STRICT;
INSERT INTO "telegram_updates" VALUES(901,NULL,1795003200000,1795003200000);
INSERT INTO "telegram_updates" VALUES(902,'{"update_id":902}',1795003200000,NULL);
CREATE TABLE template_snapshots (
  content_hash TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  export BLOB NOT NULL,
  sidecar BLOB
) STRICT;
INSERT INTO "template_snapshots" VALUES('snap-1','text-to-image',X'7B2231223A207B7D7D',X'7469746C65203D20225465787420746F20696D61676522');
CREATE TABLE texts (
  job INTEGER NOT NULL REFERENCES jobs (place),
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "texts" VALUES(1,0,'text of request00000-1');
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
INSERT INTO "usage_days" VALUES(1,'2026-11-18',152500000,10000000,100000000,0,3);
INSERT INTO "usage_days" VALUES(1,'2026-11-19',0,0,0,20000000,0);
INSERT INTO "usage_days" VALUES(1,'2026-11-20',0,0,0,20000000,0);
INSERT INTO "usage_days" VALUES(1,'2026-11-21',0,0,0,20000000,0);
INSERT INTO "usage_days" VALUES(2,'2026-11-18',0,30000000,0,0,3);
INSERT INTO "usage_days" VALUES(5,'2026-11-18',4000000,0,0,0,1);
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  tier TEXT,
  allowance TEXT CHECK (allowance IS NULL OR json_valid(allowance)),
  blocked_until INTEGER,
  blocked_reason TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "users" VALUES('discord:1','patron','{"gpu_seconds":20.0,"jobs":null}',1795003199999,'it was a test',1795003200000);
INSERT INTO "users" VALUES('erased:5',NULL,NULL,NULL,'',1795003200000);
INSERT INTO "users" VALUES('telegram:5',NULL,NULL,NULL,'',1795003200000);
INSERT INTO "users" VALUES('telegram:6',NULL,NULL,NULL,'',1795003200000);
INSERT INTO "users" VALUES('telegram:7',NULL,NULL,NULL,'',1795003200000);
CREATE INDEX identities_of ON identities (user);
CREATE INDEX names_folded ON names (folded);
CREATE INDEX files_added ON files (added_at);
CREATE INDEX requests_of ON requests (identity);
CREATE INDEX requests_open ON requests (identity) WHERE ended_at IS NULL;
CREATE INDEX requests_to_expire ON requests (ended_at) WHERE ended_at IS NOT NULL AND expired_at IS NULL;
CREATE INDEX request_inputs_file ON request_inputs (file);
CREATE INDEX jobs_waiting ON jobs (place) WHERE state = 'queued';
CREATE INDEX jobs_open_of ON jobs (identity) WHERE state IN ('queued', 'staged', 'running');
CREATE INDEX jobs_kept ON jobs (fingerprint, place) WHERE kept = 1;
CREATE INDEX jobs_created ON jobs (created_at);
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
CREATE INDEX job_states_of ON job_states (job);
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
CREATE INDEX attempts_of ON attempts (job);
CREATE INDEX attempts_open ON attempts (created_at) WHERE state = 'open';
CREATE INDEX results_file ON results (file);
CREATE INDEX deliveries_due ON deliveries (platform, due_at) WHERE state = 'pending' AND due_at IS NOT NULL;
CREATE INDEX deliveries_claimed ON deliveries (request) WHERE state = 'claimed';
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
CREATE INDEX place_blocks_of ON place_blocks (identity);
CREATE INDEX erased_use_now ON erased_use (now);
CREATE INDEX erased_use_before ON erased_use (before);
CREATE INDEX erased_use_until ON erased_use (until);
CREATE VIEW counted AS
SELECT user, key AS identity FROM identities
UNION ALL
SELECT i.user, e.before AS identity FROM erased_use AS e JOIN identities AS i ON i.key = e.now;
CREATE INDEX telegram_updates_waiting ON telegram_updates (update_id) WHERE done_at IS NULL;
CREATE INDEX telegram_updates_received ON telegram_updates (received_at, update_id);
CREATE VIEW request_records AS
SELECT r.id, i.identity, i.user, r.event, r.platform, r.template, r.template_hash, r."values", r.count, r.private,
  r.tier, r.weight, r.reply, r.options, r.created_at, r.ended_at, r.expired_at, r.gone, r.identity AS identity_key,
  r.number
FROM requests AS r JOIN identities AS i ON i.key = r.identity;
CREATE INDEX strikes_of ON strikes (identity, place);
CREATE INDEX strikes_until ON strikes (until);
CREATE INDEX files_content ON files (sha256);
COMMIT;
PRAGMA user_version = 3;
PRAGMA application_id = 1178751560;
