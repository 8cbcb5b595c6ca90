CREATE TABLE accounts (
  username text PRIMARY KEY,
  -- argon2id, as a PHC string.
  password text NOT NULL,
  roles text[] NOT NULL
);
