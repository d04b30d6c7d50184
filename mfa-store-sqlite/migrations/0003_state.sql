-- A state that the times do not show. A program that does not know its name refuses the key.
ALTER TABLE api_key ADD COLUMN state TEXT;

-- For each version of these tables, the version of the oldest program that may use them.
CREATE TABLE schema_version (
    version      INTEGER NOT NULL PRIMARY KEY,
    least_reader INTEGER NOT NULL
) STRICT;
INSERT INTO schema_version (version, least_reader) VALUES (3, 3);

PRAGMA user_version = 3;
