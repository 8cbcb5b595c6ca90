/** `make compose-up` and `make compose-down`: the stack in containers, by Docker Compose. */
import { once } from 'node:events'
import { Containers, compose, docker } from './containers.ts'
import type { Environment, Settings } from './settings.ts'
import { StackError, type StateDir } from './state.ts'
import { containersSummary } from './table.ts'

/** What has no meaning there. */
const LOCAL_ONLY = ['PORT_OFFSET', 'STRICT_PORTS', 'STATE_DIR', 'DATABASE_URL', 'ROUTES_FILE', 'AUTH_JWKS_URL'] as const

/** Builds, starts and waits until everything is ready. The settings reach the containers by compose.yaml. */
export async function composeUp(_: Settings, __: StateDir, environment: Environment): Promise<number> {
  const misplaced = LOCAL_ONLY.filter((name) => environment[name])
  if (misplaced.length > 0) {
    throw new StackError(`${misplaced.join(', ')}: for make up alone; in containers see the ports in compose.yaml.`)
  }
  await docker(['compose', 'version']).catch((error: Error) => {
    throw new StackError(`this needs Docker with Compose; make up needs neither. (${error.message})`, { cause: error })
  })
  const began = performance.now()
  const code = await ended(['up', '--build', '--detach', '--wait', '--remove-orphans'], environment)
  if (code !== 0) throw new StackError('the containers did not all become ready; make status and make logs say more.')
  const containers = await Containers.find()
  if (!containers) throw new StackError('the containers are gone again; make logs says more.')
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`\nReady after ${seconds} s.\n\n${containersSummary(containers)}`)
  return 0
}

/** Containers, networks and volumes, data among them. */
export async function composeDown(): Promise<number> {
  const code = await ended(['--profile', '*', 'down', '--volumes', '--remove-orphans'])
  if (code !== 0) throw new StackError('something is left; docker compose ps --all shows it.')
  process.stdout.write('Containers, networks, volumes and their data are gone; the images stay (docker image ls).\n')
  return 0
}

async function ended(args: readonly string[], environment?: Environment): Promise<number> {
  const child = compose(args, 'inherit', environment)
  // Ctrl-C reaches Docker by itself.
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 130
}
