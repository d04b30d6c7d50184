-- Four bytes derived from the secret: a wrong one is refused without a hash.
ALTER TABLE api_key ADD COLUMN check_tag INTEGER;

PRAGMA user_version = 2;
