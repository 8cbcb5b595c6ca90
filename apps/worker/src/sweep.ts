/** Deletes the progress of runs that are long over. */
import type { Database, Statement } from '@spillway/postgres'
import type { ServiceContext } from '@spillway/service'

const EVERY_MS = 600_000
/** Longer than a job is kept after its last run, and that than a run may take. */
const SWEEP: Statement = {
  name: 'progress_sweep',
  text: `DELETE FROM job_progress WHERE updated_at < now() - interval '25 hours'`,
}

export function sweepProgress(database: Database, logger: ServiceContext['logger']): { close: () => void } {
  const caller = { signal: new AbortController().signal, deadlineAt: Number.POSITIVE_INFINITY }
  const timer = setInterval(() => {
    database.query(SWEEP, [], caller).catch((err) => logger.warn({ err }, 'old progress could not be deleted'))
  }, EVERY_MS)
  return { close: () => clearInterval(timer) }
}
