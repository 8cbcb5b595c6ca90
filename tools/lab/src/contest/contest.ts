/** `make bench-balancer`: the balancer measured beside its peers, in one run on one machine. */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { policyNames } from '@spillway/upstreams'
import type { Bench } from '../bench.ts'
import { benchParts } from '../measuring/bench-parts.ts'
import { compared, type Part } from '../measuring/part.ts'
import type { Parted } from '../measuring/parted.ts'
import { bullets, drawn } from '../reporting/columns.ts'
import { BAD_COLUMNS, type BadRow, badRows } from './bad-rows.ts'
import { type BadSample, inWords, measureBadUpstreams } from './bad-upstreams.ts'
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
import { FAULTS, type Fault } from './fault.ts'
import { CASES } from './fixed.ts'
import { measureForwarding } from './forwarding.ts'

const ROUND_ROBIN = 'Spillway, round-robin'

/** Resolves to the exit code. */
export async function contest(bench: Bench): Promise<number> {
  return benchParts(contestOf(await findInstalled(bench.environment)), 'contest.json', bench, keepConfigs)
}

export const contestOf = (installed: Installed): Parted => ({
  name: 'balancer',
  title: 'The balancer beside its peers',
  all: 'both',
  parts: { forwarding: forwarding(installed), 'bad-upstreams': badUpstreams(installed) },
  others: 'client, upstreams',
  versions: installed.versions,
  notes: [
    ...(installed.nginx
      ? []
      : ['nginx is not installed: it was left out, and the upstreams were Node, which limits sooner.']),
    ...(installed.haproxy ? [] : ['HAProxy is not installed: it was left out.']),
  ],
  beside: 'The configurations of nginx and HAProxy are beside this file, in `configs`.',
})

function forwarding(installed: Installed) {
  const contenders = forwarders(installed)
  const nginx = installed.nginx ? { nginx: installed.nginx } : {}
  return compared({
    seconds: 10,
    title: 'Forwarding',
    about: [],
    peers: [
      ['x bare', PEERS.bare],
      ['x nginx', PEERS.nginx],
      ['x http-proxy', PEERS.httpProxy],
    ],
    rows: CASES.length * contenders.length,
    measure: (plan) => measureForwarding({ ...plan, ...nginx, contenders, cases: CASES }),
  })
}

function badUpstreams(installed: Installed): Part<BadSample, BadRow> {
  const faults = Object.keys(FAULTS) as Fault[]
  const policies = policyNames.map((name) => spillway(`Spillway, ${name}`, { POLICY: name }))
  const contenders = [...policies, ...rivals(installed)]
  return {
    seconds: 30,
    title: 'Bad upstreams',
    about: [
      bullets(Object.entries(FAULTS).map(([name, what]) => `**${name}**: ${what}`)),
      'Times are those of good answers, from the moment a request was due. Errors are what clients got instead of 2xx. The share of the bad upstream is of all requests that reached any; a quarter would be its even share.',
    ],
    rows: faults.length * contenders.length,
    measure: (plan) => measureBadUpstreams({ ...plan, contenders, faults }),
    inWords,
    rowsOf: (samples) => badRows(samples, ROUND_ROBIN),
    nameOf: ({ fault, contender }) => `${fault}, ${contender}`,
    table: (rows, draw) => drawn(BAD_COLUMNS, rows, draw),
  }
}

/** What nginx, HAProxy and wrk were told. */
function keepConfigs(from: string, folder: string): void {
  const to = path.join(folder, 'configs')
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
