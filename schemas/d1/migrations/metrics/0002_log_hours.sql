-- Hours of the log that are to be compacted or whose raw objects are still to be deleted: a few days of rows. `hour` counts from 1970.
-- `marks` grows with every object that came; a compaction covers those it had seen. marks > done: the hour is dirty.
CREATE TABLE IF NOT EXISTS log_hours (
  stream TEXT NOT NULL CHECK (length(stream) > 0),
  hour INTEGER NOT NULL,
  marks INTEGER NOT NULL,
  marked_ms INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  compacted_ms INTEGER,
  PRIMARY KEY (stream, hour)
) STRICT, WITHOUT ROWID;
