-- `key` is the name as packages/auth's accountKey has it, by which accounts are found: no two have names that look alike.
ALTER TABLE accounts
  ADD COLUMN key text,
  -- Since when nobody can sign in to it.
  ADD COLUMN disabled_at timestamptz;
UPDATE accounts SET key = lower(btrim(normalize(username, NFKC)));
ALTER TABLE accounts
  ALTER COLUMN key SET NOT NULL,
  ADD CONSTRAINT accounts_key UNIQUE (key);
