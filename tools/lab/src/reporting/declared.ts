/** What held the stack back on purpose, in plain words: the first thing a reader of figures must know. */
import { duration } from '@spillway/service'
import { Value } from 'typebox/value'
import { counted, listed, milliseconds, perSecond, whole } from '../judging/figures.ts'
import type { Run } from '../run.ts'

/** Paragraphs, from the settings that were in force. */
export function declared({ settings, machine }: Run): string[] {
  const database = wait(settings['DB_LATENCY'])
  const computing = wait(settings['PROCESS_LATENCY'])
  const places = Number(settings['GATEWAY_CONCURRENCY'] ?? 0)
  const added = [
    ...(database > 0 ? [`each read of the database takes ${milliseconds(database)} longer`] : []),
    ...(computing > 0 ? [`each computation waits ${milliseconds(computing)}`] : []),
    ...(places > 0
      ? [`each gateway works on ${counted(places, 'request')} at once and lets the others stand in line`]
      : []),
  ]
  if (added.length === 0) {
    return [
      `Nothing was held back: no waiting was added and gateways take all requests at once. All replicas, the database and the load generator share the ${counted(machine.cores, 'core')} of one machine, so these figures tell mostly about that machine.`,
    ]
  }
  return [
    `The stack was held back on purpose: ${listed(added)}. This is a declared teaching constraint, no property of the stack: replicas on one machine share its cores, so what shows here is how they help against waiting.`,
    ...ceiling(places, database, computing),
  ]
}

/** Little's law; half of the requests read an item, half have primes counted. */
function ceiling(places: number, database: number, computing: number): string[] {
  const mean = (database + computing) / 2
  if (!(places > 0 && mean > 0)) return []
  const most = (1000 * places) / mean
  return [
    `Half of the requests wait ${milliseconds(database)} for the database and half ${milliseconds(computing)} for a computation when the cache misses, ${milliseconds(mean)} on average. By Little's law a gateway with ${whole(places)} places then carries at most ${whole(places)} / ${mean / 1000} s = ${perSecond(most)}, and less by whatever else a request costs. Hits wait for nothing.`,
  ]
}

/** Milliseconds; 0 where nothing readable is set. */
function wait(text: string | undefined): number {
  const codec = duration({ about: '' })
  return text !== undefined && Value.Check(codec, text) ? Value.Decode(codec, text) : 0
}
