-- What became of a dead letter. `parks` counts how often it was kept: a letter that is sent again and fails again is waiting again.
ALTER TABLE dead_letters ADD COLUMN attempts INTEGER;
ALTER TABLE dead_letters ADD COLUMN parks INTEGER NOT NULL DEFAULT 1;
ALTER TABLE dead_letters ADD COLUMN state TEXT NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'redriven', 'discarded'));
ALTER TABLE dead_letters ADD COLUMN redrives INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN handled_ms INTEGER;
