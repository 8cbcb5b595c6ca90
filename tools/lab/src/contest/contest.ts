/** `make bench-balancer`: the balancer measured beside its peers, in one run on one machine. */

import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { policyNames } from '@spillway/upstreams'
import type { Bench } from '../bench.ts'
import { counted } from '../judging/figures.ts'
import { begin } from '../measuring/beginning.ts'
import { comparedRows } from '../measuring/compared.ts'
import { type Circumstances, doubtsOf } from '../measuring/conditions.ts'
import { writeWhole } from '../reporting/results.ts'
import type { Settings } from '../settings.ts'
import { LabError } from '../stack.ts'
import { badRows } from './bad-rows.ts'
import { measureBadUpstreams } from './bad-upstreams.ts'
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
import { type Contest, document, tables } from './document.ts'
import { FAULTS, type Fault } from './fault.ts'
import { CASES } from './fixed.ts'
import { measureForwarding } from './forwarding.ts'

const PARTS = ['both', 'forwarding', 'bad-upstreams'] as const
const FORWARDING_MS = 10_000
const BAD_UPSTREAMS_MS = 30_000
/** Seconds of a row beside the load itself: starting and warming up. */
const ASIDE_S = 5
const ROUND_ROBIN = 'Spillway, round-robin'
/** The same exit code as of a bench with an invalid test. */
const EXIT_INVALID = 3

/** Resolves to the exit code. */
export async function contest(bench: Bench): Promise<number> {
  const { config, environment } = bench
  const PART = partOf(config)
  const installed = await findInstalled(environment)
  const { client, circumstances, folder, means, head, loadAverage } = await begin(bench, 'balancer')
  const { say } = means
  const notes = notesOf({ ...circumstances, installed })
  const policies = PART === 'forwarding' ? [] : policyNames
  const { ROUNDS: rounds, DURATION } = config

  let seen: Contest = {
    ...head,
    command: commandOf(config),
    versions: { ...installed.versions, client: client.name },
    notes,
    forwarding: { samples: [], rows: [] },
    badUpstreams: { samples: [], rows: [] },
  }
  const keep = (part: Partial<Contest>) => {
    seen = { ...seen, ...part, loadAverage: loadAverage() }
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
      keep({ forwarding: { samples, rows: comparedRows(samples, Object.values(PEERS)) } })
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
    keepConfigs(means.folder, path.join(folder, 'configs'))
    rmSync(means.folder, { recursive: true })
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

/** @throws {LabError} for a part of another bench */
function partOf({ PART = 'both' }: Settings): (typeof PARTS)[number] {
  const part = PARTS.find((name) => name === PART)
  if (!part) throw new LabError(`PART is ${PART}; make bench-balancer has ${PARTS.join(', ')}`)
  return part
}

function commandOf({ PART = 'both', DURATION, ROUNDS, RATE }: Settings): string {
  const duration = DURATION === undefined ? '' : ` DURATION=${DURATION}ms`
  return `make bench-balancer PART=${PART}${duration} ROUNDS=${ROUNDS} RATE=${RATE}`
}

/** What a reader of the figures must know before them. */
export function notesOf({ installed, ...circumstances }: Circumstances & { readonly installed: Installed }): string[] {
  return [
    ...doubtsOf(circumstances),
    ...(installed.nginx
      ? []
      : ['nginx is not installed: it was left out, and the upstreams were Node, which limits sooner.']),
    ...(installed.haproxy ? [] : ['HAProxy is not installed: it was left out.']),
  ]
}
