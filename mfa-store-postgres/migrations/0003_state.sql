-- A state that the times do not show. A program that does not know its name refuses the key.
ALTER TABLE mfa_api_key ADD COLUMN state text;
