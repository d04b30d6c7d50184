-- Times are milliseconds since 1970. Blobs are sealed: nothing in this file opens them.
CREATE TABLE api_key (
    value        TEXT    NOT NULL PRIMARY KEY,
    consumer     TEXT    NOT NULL,
    email        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    activated_at INTEGER,
    revoked_at   INTEGER,
    expires_at   INTEGER,
    last_used_at INTEGER,
    rotation_started_at INTEGER,
    rotation_data_key   INTEGER,
    rotation_stage      TEXT,
    secret_hash  TEXT,
    keyring      BLOB,
    revision     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_by_consumer ON api_key (consumer, value);

CREATE TABLE totp (
    id                 TEXT    NOT NULL PRIMARY KEY,
    consumer           TEXT    NOT NULL,
    secret             BLOB    NOT NULL,
    created_at         INTEGER,
    last_accepted_step INTEGER,
    failures           INTEGER NOT NULL,
    failed_at          INTEGER,
    revision           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX totp_by_consumer ON totp (consumer, id);

CREATE TABLE user (
    id             TEXT    NOT NULL PRIMARY KEY,
    consumer       TEXT    NOT NULL,
    credentials    BLOB,
    u2f_app_id     BLOB,
    u2f_key_handle BLOB,
    u2f_public_key BLOB,
    u2f_sign_count INTEGER,
    revision       INTEGER NOT NULL
) STRICT;
CREATE INDEX user_by_consumer ON user (consumer, id);

CREATE TABLE ceremony (
    id         BLOB    NOT NULL PRIMARY KEY,
    state      BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ceremony_by_expiry ON ceremony (expires_at);

PRAGMA user_version = 1;
