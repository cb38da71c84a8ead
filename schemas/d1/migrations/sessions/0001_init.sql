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
