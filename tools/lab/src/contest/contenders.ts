/** Who is measured: each a process that forwards what it gets at its port to the upstreams. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, findOnPath } from '../generators/pin.ts'
import { versionSaid, versionsOf } from '../measuring/versions.ts'
import type { Environment } from '../settings.ts'
import { ROOT } from '../stack.ts'
import { haproxy, nginxProxy, type Place } from './configs.ts'

export interface Contender {
  readonly name: string
  /** Writes what it must have in files into the folder. */
  launch(place: Place & { readonly folder: string }): Command & { readonly settings?: Readonly<Record<string, string>> }
}

const BALANCER = path.join(ROOT, 'apps/balancer/src/main.ts')
const BARE = fileURLToPath(import.meta.resolve('./processes/bare-proxy.ts'))
const HTTP_PROXY = fileURLToPath(import.meta.resolve('./processes/http-proxy.ts'))

/** Ratios are given to these. */
export const PEERS = { bare: 'bare undici dispatch', nginx: 'nginx', httpProxy: '@fastify/http-proxy' } as const

const inNode = (name: string, file: string): Contender => ({
  name,
  launch: ({ port, upstreams }) => ({ file: process.execPath, args: [file, String(port), ...upstreams] }),
})

export const bareDispatch = inNode(PEERS.bare, BARE)
export const fastifyHttpProxy = inNode(PEERS.httpProxy, HTTP_PROXY)

/** The balancer as it ships, but for `settings`. */
export const spillway = (name: string, settings: Readonly<Record<string, string>>): Contender => ({
  name,
  launch: ({ port, upstreams }) => ({
    file: process.execPath,
    args: [BALANCER],
    settings: { PORT: String(port), ADMIN_PORT: '0', SPILLWAY_UPSTREAMS: upstreams.join(','), ...settings },
  }),
})

export const nginxContender = (file: string, name: string, judging = false): Contender => ({
  name,
  launch({ folder, ...place }) {
    const config = path.join(folder, 'nginx.conf')
    writeFileSync(config, nginxProxy(place, judging))
    return { file, args: ['-p', folder, '-c', config] }
  },
})

export const haproxyContender = (
  file: string,
  name: string,
  balance: Parameters<typeof haproxy>[1],
  judging = false,
): Contender => ({
  name,
  launch({ folder, ...place }) {
    const config = path.join(folder, `haproxy-${balance}.cfg`)
    writeFileSync(config, haproxy(place, balance, judging))
    return { file, args: ['-db', '-f', config] }
  },
})

/** Programs that do not come along. */
export interface Installed {
  readonly nginx?: string
  readonly haproxy?: string
  /** Of everything that takes part, by its name. */
  readonly versions: Readonly<Record<string, string>>
}

export async function findInstalled(environment: Environment): Promise<Installed> {
  // Where Debian has them, and where the PATH of a user who is not root does not lead.
  const searched = [environment['PATH'], '/usr/sbin', '/usr/local/sbin'].filter(Boolean).join(path.delimiter)
  const [nginx, haproxy] = ['nginx', 'haproxy'].map((name) => findOnPath(name, searched))
  return {
    ...(nginx ? { nginx } : {}),
    ...(haproxy ? { haproxy } : {}),
    versions: {
      ...versionsOf('undici', 'fastify', '@fastify/http-proxy'),
      ...(nginx ? { nginx: await versionSaid(nginx, '-v', /nginx\/(\S+)/) } : {}),
      ...(haproxy ? { haproxy: await versionSaid(haproxy, '-v', /version (\S+)/) } : {}),
    },
  }
}
