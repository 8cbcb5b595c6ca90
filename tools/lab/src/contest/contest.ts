/** `make bench-balancer`: the balancer measured beside its peers, in one run on one machine. */

import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { policyNames } from '@spillway/upstreams'
import type { Bench } from '../bench.ts'
import { pin } from '../generators/pin.ts'
import { counted } from '../judging/figures.ts'
import { machine } from '../machine.ts'
import { makeFolder, writeWhole } from '../reporting/results.ts'
import type { Settings } from '../settings.ts'
import { measureBadUpstreams } from './bad-upstreams.ts'
import { findClient } from './client.ts'
import {
  bareDispatch,
  type Contender,
  fastifyHttpProxy,
  findInstalled,
  haproxyContender,
  type Installed,
  nginxContender,
  PEERS,
  spillway,
} from './contenders.ts'
import { type Cores, coresOf } from './cores.ts'
import { type Contest, document, tables } from './document.ts'
import { FAULTS, type Fault } from './fault.ts'
import { CASES } from './fixed.ts'
import { type Means, measureForwarding } from './forwarding.ts'
import { badRows, forwardingRows } from './rows.ts'

const FORWARDING_MS = 10_000
const BAD_UPSTREAMS_MS = 30_000
/** Seconds of a row beside the load itself: starting and warming up. */
const ASIDE_S = 5
const ROUND_ROBIN = 'Spillway, round-robin'
/** Less than this is good for seeing that it works. */
const FEWEST_ROUNDS = 3
const SHORTEST_MS = 10_000
/** The same exit code as of a bench with an invalid test. */
const EXIT_INVALID = 3

/** Resolves to the exit code. */
export async function contest({ config, environment, signal }: Bench): Promise<number> {
  const installed = await findInstalled(environment)
  const client = await findClient(environment)
  const facts = machine()
  const cores = coresOf(facts.cores)
  const loadBefore = os.loadavg()[0] ?? 0
  const notes = notesOf({ config, installed, client: client.name, cores, loadBefore, path: environment['PATH'] })
  const policies = config.PART === 'forwarding' ? [] : policyNames

  mkdirSync(config.RESULTS_DIR, { recursive: true })
  const { folder, startedAt } = makeFolder(config.RESULTS_DIR, 'balancer', Date.now())
  const work = path.resolve(folder, 'work')
  mkdirSync(work)
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const means: Means = { environment, signal, cores, folder: work, say }
  const { ROUNDS: rounds, DURATION, PART } = config

  let seen: Contest = {
    format: 1,
    command: commandOf(config),
    startedAt,
    machine: facts,
    loadAverage: { before: loadBefore, after: loadBefore },
    cores,
    versions: { ...installed.versions, client: client.name },
    notes,
    forwarding: { samples: [], rows: [] },
    badUpstreams: { samples: [], rows: [] },
  }
  const keep = (part: Partial<Contest>) => {
    seen = { ...seen, ...part, loadAverage: { before: loadBefore, after: os.loadavg()[0] ?? 0 } }
    writeWhole(path.join(folder, 'contest.json'), `${JSON.stringify(seen, null, 2)}\n`)
    writeWhole(path.join(folder, 'report.md'), document(seen))
  }
  try {
    if (PART !== 'bad-upstreams') {
      const seconds = (DURATION ?? FORWARDING_MS) / 1000
      const contenders = forwarders(installed)
      say(`Forwarding: ${inWords(rounds, [CASES.length, 'cases'], contenders, seconds)} ...`)
      const nginx = installed.nginx ? { nginx: installed.nginx } : {}
      const samples = await measureForwarding({ ...means, ...nginx, contenders, cases: CASES, client, rounds, seconds })
      keep({ forwarding: { samples, rows: forwardingRows(samples, Object.values(PEERS)) } })
    }
    if (PART !== 'forwarding') {
      const seconds = (DURATION ?? BAD_UPSTREAMS_MS) / 1000
      const faults = Object.keys(FAULTS) as Fault[]
      const contenders = [
        ...policies.map((name) => spillway(`Spillway, ${name}`, { POLICY: name })),
        ...rivals(installed),
      ]
      say(`Bad upstreams: ${inWords(rounds, [faults.length, 'faults'], contenders, seconds)} ...`)
      const samples = await measureBadUpstreams({ ...means, contenders, faults, rounds, seconds, rate: config.RATE })
      keep({ badUpstreams: { samples, rows: badRows(samples, ROUND_ROBIN) } })
    }
  } finally {
    keepConfigs(work, path.join(folder, 'configs'))
    rmSync(work, { recursive: true })
    if (seen.forwarding.rows.length + seen.badUpstreams.rows.length === 0) rmSync(folder, { recursive: true })
  }
  say(`\n${tables(seen)}\n\nThe report: ${path.relative(process.cwd(), folder)}/report.md`)
  const rows = [...seen.forwarding.rows, ...seen.badUpstreams.rows]
  return rows.some(({ verdict }) => verdict === 'invalid') ? EXIT_INVALID : 0
}

function inWords(
  rounds: number,
  [kinds, noun]: readonly [number, string],
  contenders: readonly Contender[],
  seconds: number,
): string {
  const minutes = (rounds * kinds * contenders.length * (seconds + ASIDE_S)) / 60
  return `${counted(rounds, 'round')} of ${kinds} ${noun} for ${contenders.length} contenders, ${seconds} s each, about ${Math.ceil(minutes)} min`
}

/** What nginx, HAProxy and wrk were told. */
function keepConfigs(from: string, to: string): void {
  mkdirSync(to)
  const written = readdirSync(from).filter((name) => /\.(conf|cfg|lua)$/.test(name))
  for (const name of written) copyFileSync(path.join(from, name), path.join(to, name))
}

function forwarders({ nginx, haproxy }: Installed): Contender[] {
  return [
    ...(nginx ? [nginxContender(nginx, PEERS.nginx)] : []),
    ...(haproxy ? [haproxyContender(haproxy, 'HAProxy', 'roundrobin')] : []),
    fastifyHttpProxy,
    bareDispatch,
    spillway('Spillway', {}),
    spillway('Spillway, logging each', { LOG_LEVEL: 'debug' }),
  ]
}

/** Each told to leave a server alone that fails, as Spillway does without being told. */
function rivals({ nginx, haproxy }: Installed): Contender[] {
  return [
    ...(nginx ? [nginxContender(nginx, 'nginx, round robin', true)] : []),
    ...(haproxy ? [haproxyContender(haproxy, 'HAProxy, leastconn', 'leastconn', true)] : []),
  ]
}

function commandOf({ PART, DURATION, ROUNDS, RATE }: Settings): string {
  const duration = DURATION === undefined ? '' : ` DURATION=${DURATION}ms`
  return `make bench-balancer PART=${PART}${duration} ROUNDS=${ROUNDS} RATE=${RATE}`
}

interface Circumstances {
  readonly config: Settings
  readonly installed: Installed
  readonly client: string
  readonly cores: Cores
  readonly loadBefore: number
  readonly path: string | undefined
}

/** What a reader of the figures must know before them. */
export function notesOf({ config, installed, client, cores, loadBefore, path: searched }: Circumstances): string[] {
  const { DURATION = SHORTEST_MS, ROUNDS } = config
  const { pinned } = pin({ file: 'true', args: [] }, cores.contender, searched)
  return [
    ...(DURATION < SHORTEST_MS || ROUNDS < FEWEST_ROUNDS
      ? ['This run was short: it shows that everything works, and its figures are not to be quoted.']
      : []),
    ...(loadBefore > 0.5
      ? [`The machine had other work: its load average was ${loadBefore.toFixed(2)} before the first row.`]
      : []),
    ...(cores.contender === undefined ? ['There is one core, which contender, client and upstreams shared.'] : []),
    ...(cores.contender !== undefined && !pinned
      ? ['There is no taskset here: nobody was bound to a core, so rates are not those of one core.']
      : []),
    ...(installed.nginx
      ? []
      : ['nginx is not installed: it was left out, and the upstreams were Node, which limits sooner.']),
    ...(installed.haproxy ? [] : ['HAProxy is not installed: it was left out.']),
    ...(client.startsWith('wrk')
      ? []
      : [`wrk is not installed: ${client} asked, which limits sooner and tells whole milliseconds.`]),
  ]
}
