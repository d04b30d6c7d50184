-- The floor: time steps and ceremonies from before it are refused.
ALTER TABLE api_key ADD COLUMN not_before INTEGER;

INSERT INTO schema_version (version, least_reader) VALUES (4, 3);

PRAGMA user_version = 4;
