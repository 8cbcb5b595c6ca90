/** k6 as a driver, for both shapes of load, by the scenarios in `k6/`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { freePorts } from '../measuring/server.ts'
import { type Driver, DriverError, type DriverSecond, type Plan } from '../plan.ts'
import { Load } from '../run.ts'
import type { Environment } from '../settings.ts'
import { type Generator, type GeneratorOptions, withGenerator } from './generator.ts'
import type { K6 } from './k6-binary.ts'
import { difference, followProgress } from './k6-progress.ts'

const SCENARIOS = path.resolve(import.meta.dirname, '../../../../k6/scenarios')
/** Seconds beside the plan's: for starting, for the last answers (25), and for sorting all times. */
const ASIDE = 90

/** What `k6/lib/summary.ts` writes. */
const Summary = Type.Interface([Type.Omit(Load, ['cores', 'pinned'])], {
  failures: Type.Integer({ minimum: 0 }),
  /** Seconds. */
  waited: Type.Number({ minimum: 0 }),
})
type Summary = Static<typeof Summary>

export function k6Driver({ file, version }: K6, environment: Environment): Driver {
  const name = `k6 ${version}`
  return {
    name,
    shapes: ['users', 'closed'],
    async run(plan, { signal, onSecond }) {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'spillway-k6-'))
      try {
        const summaryFile = path.join(folder, 'summary.json')
        const [port = 0] = await freePorts(1)
        const address = `127.0.0.1:${port}`
        const command = { file, args: k6Arguments(plan, address) }
        const options: GeneratorOptions = {
          name,
          core: plan.core,
          // What is not named here, k6 does not see: neither settings of its own nor a USERNAME of the system's.
          environment: {
            PATH: environment['PATH'],
            HOME: folder,
            TMPDIR: environment['TMPDIR'],
            ...(plan.core === undefined ? {} : { GOMAXPROCS: '1' }),
            // A third less CPU a request than Go's default of 100; a thousand users would take a gigabyte for it.
            ...(plan.shape.kind === 'closed' ? { GOGC: '400' } : {}),
            ...planSettings(plan),
            SUMMARY_FILE: summaryFile,
          },
          within: (plan.duration + ASIDE) * 1000,
          signal,
        }
        return await withGenerator(command, options, async (generator) => {
          const { last, cores } = await watch(generator, `http://${address}`, onSecond)
          const { failures, waited, ...load } = await readSummary(summaryFile, name)
          if (load.requests > last.sums.requests) {
            onSecond(difference(last.seconds + 1, last.sums, { requests: load.requests, failures, waited }))
          }
          return { ...load, cores: cores ?? 0, pinned: generator.pinned }
        })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }
}

function k6Arguments({ expects }: Plan, address: string): string[] {
  return [
    'run',
    '--quiet',
    '--no-color',
    '--no-usage-report',
    // Whoever has the load judges it.
    '--no-thresholds',
    '--address',
    address,
    path.join(SCENARIOS, `${expects}.ts`),
  ]
}

/** The environment of `k6/lib/settings.ts`. On a command line, everybody could read the token. */
export function planSettings({ url, token, shape, duration, keys, process }: Plan): Record<string, string> {
  return {
    BASE_URL: url,
    TOKEN: token,
    SHAPE: shape.kind,
    USERS: String(shape.users),
    ...(shape.kind === 'users'
      ? { JOIN_PER_SECOND: String(shape.joinPerSecond), THINK: shape.think.join('-') }
      : undefined),
    DURATION: `${duration}s`,
    KEY_PREFIX: keys.prefix,
    KEY_FIRST: String(keys.first),
    KEY_COUNT: String(keys.count),
    N: String(process.n),
    PRIMES: String(process.primes),
  }
}

/** Until k6 has ended. `cores` is what it used from its first request to the last full second of them. */
async function watch(generator: Generator, url: string, onSecond: (second: DriverSecond) => void) {
  const uses: Promise<{ at: number; cpu: number | undefined }>[] = []
  const look = () => {
    const at = performance.now()
    uses.push(generator.cpuTime().then((cpu) => ({ at, cpu })))
  }
  const over = new AbortController()
  const following = followProgress(
    url,
    {
      onBegin: look,
      onSecond: (second) => {
        look()
        onSecond(second)
      },
    },
    over.signal,
  )
  try {
    await generator.ended()
  } finally {
    over.abort()
    // It rejects where `onSecond` throws; what k6 itself says of its end goes first.
    await following.catch(() => {})
  }
  const last = await following
  const known = (await Promise.all(uses)).filter((use) => use.cpu !== undefined)
  return { last, cores: coresOf(known as { at: number; cpu: number }[]) }
}

export function coresOf(uses: readonly { at: number; cpu: number }[]): number | undefined {
  const [first, last] = [uses[0], uses.at(-1)]
  if (!first || !last || first === last) return undefined
  return ((last.cpu - first.cpu) * 1000) / (last.at - first.at)
}

async function readSummary(file: string, name: string): Promise<Summary> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new DriverError(`${name} left no summary`, { cause })
  })
  const summary: unknown = JSON.parse(text)
  if (Value.Check(Summary, summary)) return Value.Clean(Summary, summary) as Summary
  const mistakes = Value.Errors(Summary, summary).map(({ instancePath, message }) => `${instancePath} ${message}`)
  throw new DriverError(`${name} left a summary that is none: ${mistakes.join('; ')}`)
}
