-- SESSIONS_DB: sessions and tokens, who may mint them, the keys that sign them, the audit log, and executions that happen once.

-- A session is what one minted token and its refreshed successors belong to; `generation` counts its refreshes. A row with revoked_ms set
-- ended before expires_ms.
CREATE TABLE IF NOT EXISTS sessions (
  session_id TEXT NOT NULL PRIMARY KEY CHECK (length(session_id) > 0),
  user_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  role TEXT,
  channels TEXT CHECK (channels IS NULL OR json_valid(channels)),
  lifetime_seconds INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  rotated_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  revoked_ms INTEGER,
  revoked_for TEXT
) STRICT, WITHOUT ROWID;

-- "All sessions of this user", to list, to bound and to revoke them together.
CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (user_id, client_id);

-- Whoever may mint without the operators' key. Only a hash of the key is kept.
CREATE TABLE IF NOT EXISTS api_clients (
  client_id TEXT NOT NULL PRIMARY KEY CHECK (length(client_id) > 0),
  name TEXT NOT NULL,
  key_hash TEXT NOT NULL CHECK (length(key_hash) = 64),
  role TEXT,
  channels TEXT CHECK (channels IS NULL OR json_valid(channels)),
  lifetime_seconds_max INTEGER NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Our own key pairs. The private half is encrypted under a key derived from JWT_SECRET. The newest whose signs_from_ms has come signs; all
-- verify until until_ms.
CREATE TABLE IF NOT EXISTS signing_keys (
  kid TEXT NOT NULL PRIMARY KEY CHECK (length(kid) > 0),
  alg TEXT NOT NULL,
  public_jwk TEXT NOT NULL CHECK (json_valid(public_jwk)),
  private_box TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  signs_from_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Decisions about security, newest last. Numbers are never given twice: the export to R2 goes by them.
CREATE TABLE IF NOT EXISTS audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  action TEXT NOT NULL,
  actor TEXT NOT NULL,
  subject TEXT,
  address TEXT,
  request_id TEXT,
  count INTEGER NOT NULL,
  details TEXT CHECK (details IS NULL OR json_valid(details))
) STRICT;

CREATE INDEX IF NOT EXISTS audit_by_time ON audit (time_ms);

-- Which numbers went into which object of R2. A row without done_ms was begun and is done again, under the same name with the same lines.
CREATE TABLE IF NOT EXISTS audit_exports (
  first_seq INTEGER NOT NULL PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  object TEXT NOT NULL,
  done_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Tokens that no longer hold although they have not expired: one by its jti, all of a session by its sid, or all a user (sub) held when
-- revoked. Read as a whole every few seconds wherever tokens are checked, so it stays small: rows past until_ms are dropped when another is
-- added.
CREATE TABLE IF NOT EXISTS "revocations" (
  kind TEXT NOT NULL CHECK (kind IN ('jti', 'sub', 'sid')),
  value TEXT NOT NULL CHECK (length(value) > 0),
  revoked_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

-- What operators change while the edge runs: every version of the configuration, the newest one in force. A version is written once, so two
-- operators cannot both write the same one. Isolates read the copy in CONFIG_CACHE.
CREATE TABLE IF NOT EXISTS runtime_config (
  version INTEGER NOT NULL PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  comment TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;

-- Networks kept out by operators, each until a time.
CREATE TABLE IF NOT EXISTS bans (
  network TEXT NOT NULL PRIMARY KEY CHECK (length(network) > 0),
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Executions that clients asked for, by the key under which each happens once. A row without an outcome is on its way until open_until_ms;
-- after that nobody knows how it went, and it is never sent again.
CREATE TABLE IF NOT EXISTS executions_once (
  key_hash TEXT NOT NULL PRIMARY KEY CHECK (length(key_hash) = 64),
  fingerprint TEXT NOT NULL,
  attempt TEXT NOT NULL,
  claimed_ms INTEGER NOT NULL,
  open_until_ms INTEGER NOT NULL,
  outcome TEXT CHECK (outcome IS NULL OR json_valid(outcome))
) STRICT, WITHOUT ROWID;

-- "What is too old to be kept", a few at a time.
CREATE INDEX IF NOT EXISTS executions_once_by_time ON executions_once (claimed_ms);
