/** What the owner is told about a failed job: our own words where there are some, never what a library or a stack says. */
import { LONGEST_RUN_SECONDS } from './queue.ts'

interface Output {
  error?: { message: string }
  /** pg-boss's own verdicts come so, or as a serialised error. */
  value?: { message?: string }
  message?: string
}

/** @param output as the job's row has it */
export function failureOf(output: unknown): { message: string } {
  const { error, value, message = value?.message ?? '' } = (output ?? {}) as Output
  if (error) return { message: error.message }
  if (message === 'job heartbeat timeout') return { message: 'each worker that ran it died or could not be reached' }
  if (message === 'job timed out' || message.startsWith('handler execution exceeded')) {
    return { message: `it ran for more than ${LONGEST_RUN_SECONDS} s` }
  }
  return { message: 'it failed unexpectedly' }
}
