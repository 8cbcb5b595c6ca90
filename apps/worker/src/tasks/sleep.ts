/** `sleep`: does nothing for a while, for those who try out jobs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { task } from './task.ts'

const STEP_MS = 250

export const sleepTask = task({
  input: Type.Object({ ms: Type.Integer({ minimum: 0, maximum: 60_000 }) }, { additionalProperties: false }),
  async run({ ms }, { signal, progress }) {
    const started = performance.now()
    const slept = () => performance.now() - started
    while (slept() < ms) {
      await sleep(Math.min(STEP_MS, ms - slept()), undefined, { signal })
      progress(Math.min(1, slept() / ms))
    }
    return { ms: Math.round(slept()) }
  },
})
