-- Versions come from one sequence for all items, so that a key deleted and made again never gets an old version, and no
-- ETag ever names two contents.
CREATE SEQUENCE item_versions AS bigint;

CREATE TABLE items (
  -- Byte order, so that a page's cursor means the same under every locale.
  key text COLLATE "C" PRIMARY KEY,
  value jsonb NOT NULL,
  version bigint NOT NULL DEFAULT nextval('item_versions'),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- One write is bounded by the service's body limit; this bounds what many merges can add up to.
  CONSTRAINT items_value_size CHECK (octet_length(value::text) <= 1048576)
);

-- RFC 7396, section 2. Set by set, not member by member: jsonb is copied at each change.
CREATE FUNCTION merge_patch(target jsonb, patch jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF jsonb_typeof(patch) <> 'object' THEN
    RETURN patch;
  END IF;
  IF jsonb_typeof(target) IS DISTINCT FROM 'object' THEN
    target := '{}';
  END IF;
  RETURN (
    SELECT coalesce(jsonb_object_agg(name, merged), '{}')
    FROM (
      SELECT key AS name, value AS merged FROM jsonb_each(target) WHERE NOT patch ? key
      UNION ALL
      SELECT changed.key, merge_patch(target -> changed.key, changed.value)
      FROM jsonb_each(patch) AS changed
      WHERE jsonb_typeof(changed.value) <> 'null'
    ) AS members
  );
END
$$;
