-- One row, whose lock makes revocations take their numbers in the order of their commits: whoever has read up to one of
-- them has missed none before it.
CREATE TABLE revocation_count (
  last bigint NOT NULL
);
INSERT INTO revocation_count VALUES (0);

-- Of one token, or of all of a subject's that were issued until some second.
CREATE TABLE revocations (
  seq bigint PRIMARY KEY,
  token_id text UNIQUE,
  subject text UNIQUE,
  -- Both in seconds since 1970, as tokens have it. Of a token, the first is null.
  issued_until bigint,
  -- When the last token that it names has ended, whatever clock judges that.
  ends_at bigint NOT NULL,
  CONSTRAINT revocations_one CHECK (num_nonnulls(token_id, subject) = 1 AND (subject IS NULL) = (issued_until IS NULL))
);
CREATE INDEX revocations_ends_at ON revocations (ends_at);
