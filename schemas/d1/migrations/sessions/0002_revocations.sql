-- Tokens that no longer hold although they have not expired: one by its jti, or all a user (sub) held when revoked. Read as a whole
-- every few seconds wherever tokens are checked, so it stays small: rows past until_ms are dropped when another is added.
CREATE TABLE IF NOT EXISTS revocations (
  kind TEXT NOT NULL CHECK (kind IN ('jti', 'sub')),
  value TEXT NOT NULL CHECK (length(value) > 0),
  revoked_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
