/** `primes`: how many primes there are up to `n`, counted on a thread, so that this process goes on breathing. */
import { MessageChannel } from 'node:worker_threads'
import { LARGEST } from '@spillway/primes'
import type { Piscina } from 'piscina'
import { Type } from 'typebox'
import { task } from './task.ts'

export const primesTask = (threads: Pick<Piscina, 'run'>) =>
  task({
    input: Type.Object({ n: Type.Integer({ minimum: 1, maximum: LARGEST }) }, { additionalProperties: false }),
    async run({ n }, { signal, progress }) {
      const { port1: here, port2: there } = new MessageChannel()
      here.on('message', progress)
      try {
        // An abort ends the thread itself; the pool starts another one.
        const primes = await threads.run({ n, progress: there }, { signal, transferList: [there] as object })
        return { n, primes }
      } finally {
        here.close()
      }
    },
  })
