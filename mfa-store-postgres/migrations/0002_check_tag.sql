-- Four bytes derived from the secret: a wrong one is refused without a hash.
ALTER TABLE mfa_api_key ADD COLUMN check_tag bigint;
