/** `make gateway` and the like: one app in this terminal, told what it needs to work beside the stack. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Addresses, type App, appEnvironment, entry } from './apps.ts'
import { firstPort } from './ports.ts'
import { postgresUrl } from './postgres.ts'
import { createSecrets, postgresPassword } from './secrets.ts'
import type { Environment, Settings } from './settings.ts'
import type { Role, StateDir } from './state.ts'

/** Resolves to the app's exit code. What the environment says goes before what the stack would say. */
export async function alone(app: App, config: Settings, state: StateDir, environment: Environment): Promise<number> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value))
  const told = Object.entries(standsAlone(app, given) ? {} : beside(app, config, state)).filter(
    ([name]) => given[`${name}_FILE`] === undefined,
  )
  const child = spawn(process.execPath, [entry(app)], {
    stdio: 'inherit',
    env: { ...Object.fromEntries(told), ...given },
  })
  // Ctrl-C reaches the app by itself; we only stay until it is gone.
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'))
  // A terminal that closes. To a gateway, and to a balancer with a file, it says no more than to read that again.
  process.on('SIGHUP', () => child.kill('SIGTERM'))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** A balancer that is told what is behind it has nothing to do with a stack. */
function standsAlone(app: App, { SPILLWAY_UPSTREAMS, SPILLWAY_UPSTREAMS_FILE, BALANCER_FILE }: Environment): boolean {
  return app === 'balancer' && (SPILLWAY_UPSTREAMS ?? SPILLWAY_UPSTREAMS_FILE ?? BALANCER_FILE) !== undefined
}

function beside(app: App, config: Settings, state: StateDir): Environment {
  state.create()
  createSecrets(state, undefined)
  return appEnvironment(app, config, state, addresses(config, state))
}

/** Those of the running stack, else those it would have. */
function addresses(config: Settings, state: StateDir): Addresses {
  const stack = state.readStack()?.services ?? []
  const of = (role: Role) => {
    const known = stack.filter((service) => service.role === role).map(({ url }) => url)
    return known.length > 0 ? known : [`http://127.0.0.1:${firstPort(role, config.PORT_OFFSET)}`]
  }
  const postgres = Number(new URL(of('postgres')[0] as string).port)
  return {
    cache: config.CACHE_URL ?? (of('cache')[0] as string),
    db: of('db')[0] as string,
    gateways: of('gateway'),
    microservices: of('microservice'),
    workers: of('worker'),
    database: config.DATABASE_URL ?? postgresUrl(postgres, postgresPassword(state)),
  }
}
