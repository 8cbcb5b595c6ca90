/** The stack that is up, wherever it runs: as processes of this machine, or in containers. Commands ask it, and care not which. */
import type { ChildProcess } from 'node:child_process'
import type { DemoAccount } from '@spillway/auth'
import type { ServiceEntry } from './state.ts'

export interface Deployment {
  readonly services: readonly ServiceEntry[]
  /** Those in force, as texts; no secret is among them. */
  readonly settings: Readonly<Record<string, string>>
  /** The demo accounts. */
  accounts(): Promise<readonly DemoAccount[]>
  /** The URL of its PostgreSQL, password included. */
  database(): Promise<string>
  /** How each part of it is, for people. */
  condition(): Promise<Condition>
  /** What all services write, under their names, on its standard output until it is killed. */
  followLogs(): ChildProcess
}

export interface Condition {
  head: readonly string[]
  rows: readonly (readonly string[])[]
  /** Whether everything is ready. */
  isReady: boolean
  /** What is wrong with the whole of it. */
  trouble?: string
}
