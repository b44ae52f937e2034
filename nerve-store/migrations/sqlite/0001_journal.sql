-- Daemon lives. The highest is the only one that may write.
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY,
    began_at INTEGER NOT NULL
) STRICT;

-- Inserting a life's number here checks it and stores nothing: the check is one more statement of a commit.
CREATE VIEW fence AS SELECT max(epoch) AS epoch FROM epochs;

CREATE TRIGGER fence_check INSTEAD OF INSERT ON fence
WHEN NEW.epoch IS NOT (SELECT max(epoch) FROM epochs)
BEGIN
    SELECT RAISE(ABORT, 'nerve: fenced');
END;

-- Long texts, once each, under their sha256.
CREATE TABLE bodies (
    hash BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE threads (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    -- The id as people type it, without its prefix.
    text TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    state TEXT NOT NULL,
    exit_code INTEGER,
    build TEXT,
    origin TEXT NOT NULL,
    reason TEXT,
    key TEXT,
    dry_run INTEGER NOT NULL,
    last_n INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER
) STRICT;

CREATE UNIQUE INDEX threads_key ON threads (workflow, key) WHERE key IS NOT NULL;

-- Recovery reads open threads only, however many have ended.
CREATE INDEX threads_open ON threads (seq) WHERE state IN ('queued', 'started', 'waiting');

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    thread BLOB,
    n INTEGER,
    -- A sense's name, or whom a system line is about.
    subject TEXT,
    at INTEGER NOT NULL,
    -- JSON without the long text, which is in `body` or, when very long, in `bodies`.
    payload TEXT NOT NULL,
    body TEXT,
    body_hash BLOB REFERENCES bodies (hash) DEFERRABLE INITIALLY DEFERRED,
    -- Calls to the outside that this answer took; absent when none.
    calls INTEGER
) STRICT;

CREATE UNIQUE INDEX journal_thread ON journal (thread, n) WHERE thread IS NOT NULL;

CREATE INDEX journal_sense ON journal (subject) WHERE source = 'sense';

CREATE INDEX journal_calls ON journal (at) WHERE calls IS NOT NULL;

CREATE INDEX journal_bodies ON journal (body_hash) WHERE body_hash IS NOT NULL;

CREATE TABLE senses (
    name TEXT PRIMARY KEY,
    state TEXT,
    last_tick BLOB,
    last_tick_at INTEGER,
    last_signal_at INTEGER,
    last_signal TEXT,
    last_error TEXT,
    ticks INTEGER NOT NULL,
    signals INTEGER NOT NULL,
    failures INTEGER NOT NULL
) STRICT;

-- Ticks that signalled or failed; silent ones are counted in `senses`.
CREATE TABLE ticks (
    sense TEXT NOT NULL,
    id BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    result TEXT NOT NULL,
    took_ms INTEGER NOT NULL,
    causes TEXT NOT NULL,
    reason TEXT,
    signal TEXT,
    thread BLOB,
    state_before TEXT,
    state_after TEXT,
    PRIMARY KEY (sense, id)
) STRICT;

CREATE INDEX ticks_number ON ticks (sense, number);

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
