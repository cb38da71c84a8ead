-- SESSIONS_DB: distributed sessions. A token carries its session_id; a row with revoked_ms set ends it before expires_ms.
CREATE TABLE IF NOT EXISTS sessions (
  session_id TEXT NOT NULL PRIMARY KEY CHECK (length(session_id) > 0),
  user_id TEXT NOT NULL,
  role TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  last_seen_ms INTEGER,
  revoked_ms INTEGER
) STRICT, WITHOUT ROWID;

-- "All sessions of this user", to list and to revoke them together.
CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (user_id);

-- Tokens that no longer hold although they have not expired: one by its jti, or all a user (sub) held when revoked. Read as a whole
-- every few seconds wherever tokens are checked, so it stays small: rows past until_ms are dropped when another is added.
CREATE TABLE IF NOT EXISTS revocations (
  kind TEXT NOT NULL CHECK (kind IN ('jti', 'sub')),
  value TEXT NOT NULL CHECK (length(value) > 0),
  revoked_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
