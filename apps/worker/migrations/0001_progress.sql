-- How far each run of a job has come; everything else about jobs is pg-boss's. Unlogged, since after a crash of PostgreSQL
-- progress may begin at 0 again, and it is written more often than anything else here.
CREATE UNLOGGED TABLE job_progress (
  job_id uuid PRIMARY KEY,
  -- pg-boss's retry_count: which run wrote it.
  retry_count integer NOT NULL,
  progress real NOT NULL CHECK (progress BETWEEN 0 AND 1),
  updated_at timestamptz NOT NULL DEFAULT now()
);
