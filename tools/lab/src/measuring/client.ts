/** A client under whose closed load something is measured: each connection asks again as soon as it is answered. */
import { fileURLToPath } from 'node:url'
import { findOnPath } from '../generators/pin.ts'
import type { Environment } from '../settings.ts'
import { loadIn } from './load-in.ts'
import { versionSaid, versionsOf } from './versions.ts'
import { wrkClient } from './wrk.ts'

/** What is asked, all the time. */
export interface Asked {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly connections: number
  /** Bytes of the request's body. */
  readonly sends: number
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>
  readonly answer: { readonly path: string; readonly body: string }
  /** Where each request asks for another path: `path` and a number behind it, from `first` on, `count` of them, then again. */
  readonly numbered?: { readonly first: number; readonly count: number }
}

/** What a client counted. */
export interface ClientLoad {
  /** Answered to their end. */
  readonly requests: number
  readonly seconds: number
  /** Read, heads included. */
  readonly bytes: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** How many of each kind; empty where all went well. */
  readonly failures: Readonly<Record<string, number>>
}

export interface Asking {
  readonly url: string
  readonly asked: Asked
  readonly seconds: number
  readonly core: number | undefined
  /** For what it must have in files. */
  readonly folder: string
  readonly environment: Environment
  readonly signal: AbortSignal
}

export interface Client {
  /** With its version. */
  readonly name: string
  /** @throws {DriverError} where the client itself failed */
  load(asking: Asking): Promise<ClientLoad>
}

/** wrk where it is installed, else autocannon, which comes along but needs about as much of a core as what it measures. */
export async function findClient(environment: Environment): Promise<Client> {
  const wrk = findOnPath('wrk', environment['PATH'])
  return wrk ? wrkClient(wrk, await versionSaid(wrk, '-v', /^wrk (?:debian\/)?(\S+)/)) : autocannonClient()
}

const AUTOCANNON = fileURLToPath(import.meta.resolve('./processes/autocannon.ts'))
const ASIDE = 20

export function autocannonClient(): Client {
  const name = `autocannon ${versionsOf('autocannon')['autocannon']}`
  return {
    name,
    load({ url, asked, seconds, core, environment, signal }) {
      const within = (seconds + ASIDE) * 1000
      return loadIn(AUTOCANNON, { url, asked, seconds }, { name, core, environment, within, signal })
    },
  }
}
