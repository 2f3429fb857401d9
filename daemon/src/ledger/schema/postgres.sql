-- Tables of a ledger in PostgreSQL. They are those of schema.rs; paths that are not UTF-8 are written as
-- U+0001 and hexadecimal digits.

CREATE TABLE folder (            -- one row: the output folder that this is the ledger of
    id TEXT NOT NULL
);
CREATE TABLE jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    output TEXT COLLATE "C" NOT NULL,
    input TEXT COLLATE "C" NOT NULL,
    content TEXT,
    weights TEXT NOT NULL,
    settings TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'publishing', 'done', 'skipped', 'failed')),
    tries BIGINT NOT NULL DEFAULT 0,
    reason TEXT,
    temporary TEXT,
    queued_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    source_size BIGINT,
    source_modified BIGINT,
    source_changed BIGINT,
    retry_at BIGINT,
    software TEXT,
    made_at BIGINT,
    asked_at BIGINT,
    worker BIGINT,               -- who has it, or had it last
    fence BIGINT NOT NULL DEFAULT 0, -- grows each time that somebody takes it
    lease BIGINT,                -- until when it is his, by the clock of the server
    UNIQUE (output, input)
);
CREATE INDEX jobs_by_state ON jobs (state) WHERE state NOT IN ('queued', 'done');
CREATE FUNCTION recipe_key(software text, weights text, settings text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT md5(software || ' ' || weights || ' ' || settings) $$;
-- What is queued is in no other index than these two: where statistics are older than the queue, another
-- one would be taken for shorter, and all that is queued read for each job that is taken.
CREATE INDEX jobs_to_take ON jobs (recipe_key(software, weights, settings), asked_at, id)
    WHERE state = 'queued';
CREATE INDEX jobs_asked ON jobs (asked_at, id) WHERE state = 'queued' AND asked_at IS NOT NULL;
CREATE INDEX jobs_by_lease ON jobs (lease) WHERE state IN ('running', 'publishing');
CREATE TABLE results (
    output TEXT COLLATE "C" PRIMARY KEY,
    input TEXT COLLATE "C" NOT NULL,
    content TEXT NOT NULL,
    weights TEXT NOT NULL,
    settings TEXT NOT NULL,
    source_size BIGINT,
    source_modified BIGINT,
    source_changed BIGINT,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    milliseconds BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    original TEXT,
    software TEXT,
    weights_name TEXT,
    made_at BIGINT,
    sidecar TEXT,
    notices TEXT,
    film TEXT,
    doubt BIGINT,
    toning TEXT,
    judged BIGINT
);
CREATE INDEX results_by_time ON results (published_at);
CREATE INDEX results_by_content ON results (content);
CREATE INDEX results_leaving ON results (original) WHERE original IN ('due', 'leaving');
CREATE TABLE intents (
    output TEXT COLLATE "C" PRIMARY KEY,
    input TEXT COLLATE "C" NOT NULL,
    content TEXT NOT NULL,
    weights TEXT NOT NULL,
    settings TEXT NOT NULL,
    source_size BIGINT,
    source_modified BIGINT,
    source_changed BIGINT,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    milliseconds BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    original TEXT,
    software TEXT,
    weights_name TEXT,
    made_at BIGINT,
    sidecar TEXT,
    notices TEXT,
    film TEXT,
    doubt BIGINT,
    toning TEXT
);
CREATE TABLE hooks (
    output TEXT COLLATE "C" PRIMARY KEY,
    input TEXT COLLATE "C" NOT NULL,
    called_at BIGINT NOT NULL,
    reason TEXT
);
CREATE TABLE hooks_since (
    at BIGINT NOT NULL
);
CREATE TABLE documents (
    name TEXT COLLATE "C" PRIMARY KEY,
    sha256 TEXT,
    intended TEXT
);
CREATE TABLE verdicts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act BIGINT NOT NULL,
    output TEXT COLLATE "C" NOT NULL,
    frame BIGINT,
    sha256 TEXT NOT NULL,
    verdict TEXT CHECK (verdict IN ('accepted', 'rejected')),
    note TEXT,
    judged_by TEXT NOT NULL,
    judged_at BIGINT NOT NULL,
    before BIGINT
);
CREATE INDEX verdicts_by_result ON verdicts (output, sha256);
CREATE INDEX verdicts_by_act ON verdicts (act);
CREATE TABLE own_settings (
    output TEXT COLLATE "C" PRIMARY KEY,
    content TEXT NOT NULL,
    settings TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL
);
CREATE TABLE reference_pictures (
    sha256 TEXT PRIMARY KEY,
    picture BYTEA NOT NULL
);
CREATE TABLE workers (           -- processes that take jobs
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host TEXT NOT NULL,
    process BIGINT NOT NULL,
    software TEXT NOT NULL,
    weights TEXT NOT NULL,
    settings TEXT NOT NULL,
    started_at BIGINT NOT NULL,  -- these two by the clock of the server
    seen_at BIGINT NOT NULL,
    done BIGINT NOT NULL DEFAULT 0
);

-- What SQLite has and statements use.
CREATE FUNCTION iif(boolean, anycompatible, anycompatible) RETURNS anycompatible
    LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN $1 THEN $2 ELSE $3 END';
CREATE FUNCTION instr(text, text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS 'SELECT strpos($1, $2)';
CREATE FUNCTION json_array_length(text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS 'SELECT json_array_length(CAST($1 AS json))';
CREATE FUNCTION json_each(text) RETURNS TABLE (value text)
    LANGUAGE sql IMMUTABLE AS 'SELECT json_array_elements_text(CAST($1 AS json))';
CREATE FUNCTION json_extract(text, text) RETURNS text -- of the member that '$.name' names
    LANGUAGE sql IMMUTABLE AS 'SELECT CAST($1 AS json) ->> substr($2, 3)';
CREATE FUNCTION strftime(text, bigint, text) RETURNS text -- in the one form that is asked for
    LANGUAGE sql IMMUTABLE AS
    $$ SELECT to_char(to_timestamp($2) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') $$;
CREATE FUNCTION server_now() RETURNS bigint -- milliseconds since 1970
    LANGUAGE sql VOLATILE AS
    'SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)';
