-- The floor: time steps and ceremonies from before it are refused.
ALTER TABLE mfa_api_key ADD COLUMN not_before timestamptz;
