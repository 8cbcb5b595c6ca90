/** A bare Fastify route that answers as something else does: what is left of a request's cost when it is no work at all. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BareRoutePlan } from './processes/bare-route.ts'
import type { Means, Served } from './sample.ts'
import { freePorts, serve } from './server.ts'

const BARE_ROUTE = fileURLToPath(import.meta.resolve('./processes/bare-route.ts'))
export const BARE = 'bare Fastify route'
/** Those that another connection, frame or process says anew. */
const OWN_FIELDS = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'])

/** Of an answer's fields, what the bare route is to send. */
export function fieldsToSend(headers: Readonly<Record<string, unknown>>): BareRoutePlan['headers'] {
  const kept = Object.entries(headers).filter(([name]) => !OWN_FIELDS.has(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}

export async function startBareRoute(told: BareRoutePlan, means: Means): Promise<Served> {
  const [port = 0] = await freePorts(1)
  const file = path.join(means.folder, 'bare-route.json')
  writeFileSync(file, JSON.stringify(told))
  const command = { file: process.execPath, args: [BARE_ROUTE, String(port), file] }
  return serve({ name: BARE, command, port, core: means.cores.contender }, means)
}
