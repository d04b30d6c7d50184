-- bytea columns named below as sealed hold ciphertext: nothing in this database opens them.
CREATE TABLE mfa_api_key (
    value        text        NOT NULL PRIMARY KEY,
    consumer     text        NOT NULL,
    email        text        NOT NULL,
    created_at   timestamptz NOT NULL,
    activated_at timestamptz,
    revoked_at   timestamptz,
    expires_at   timestamptz,
    last_used_at timestamptz,
    rotation_started_at timestamptz,
    rotation_data_key   bigint,
    rotation_stage      text,
    secret_hash  text,
    keyring      bytea, -- sealed
    revision     bigint      NOT NULL
);
CREATE INDEX mfa_api_key_by_consumer ON mfa_api_key (consumer, value);

CREATE TABLE mfa_totp (
    id                 uuid   NOT NULL PRIMARY KEY,
    consumer           text   NOT NULL,
    secret             bytea  NOT NULL, -- sealed
    created_at         timestamptz,
    last_accepted_step bigint,
    failures           bigint NOT NULL,
    failed_at          timestamptz,
    revision           bigint NOT NULL
);
CREATE INDEX mfa_totp_by_consumer ON mfa_totp (consumer, id);

CREATE TABLE mfa_user (
    id             uuid   NOT NULL PRIMARY KEY,
    consumer       text   NOT NULL,
    credentials    bytea, -- sealed
    u2f_app_id     bytea, -- sealed
    u2f_key_handle bytea, -- sealed
    u2f_public_key bytea, -- sealed
    u2f_sign_count bigint,
    revision       bigint NOT NULL
);
CREATE INDEX mfa_user_by_consumer ON mfa_user (consumer, id);

CREATE TABLE mfa_ceremony (
    id         bytea       NOT NULL PRIMARY KEY,
    state      bytea       NOT NULL, -- sealed
    expires_at timestamptz NOT NULL
);
CREATE INDEX mfa_ceremony_by_expiry ON mfa_ceremony (expires_at);
