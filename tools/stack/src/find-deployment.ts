/** Finds the stack that is up. */
import { Containers } from './containers.ts'
import type { Deployment } from './deployment.ts'
import { LocalProcesses } from './local.ts'
import type { Environment } from './settings.ts'
import { StackError, type StateDir } from './state.ts'

/** Whether the environment says which one is meant: a state directory of one's own, or a project of Docker Compose's. */
const isLocal = (state: StateDir) => !state.isDefault
const isProject = (environment: Environment) => Boolean(environment['COMPOSE_PROJECT_NAME'])

/** That of processes; where there is none, the one in containers. */
export async function findDeployment(state: StateDir, environment: Environment): Promise<Deployment | undefined> {
  const local = isProject(environment) && !isLocal(state) ? undefined : LocalProcesses.find(state)
  return local ?? (isLocal(state) ? undefined : await Containers.find())
}

/** @throws {StackError} when nothing is up */
export async function deployment(state: StateDir, environment: Environment): Promise<Deployment> {
  const found = await findDeployment(state, environment)
  if (!found) throw new StackError(`nothing is up ${where(state)}; make up first.`)
  return found
}

/** Where `findDeployment` looks. */
export function where(state: StateDir): string {
  return isLocal(state) ? `in ${state.path}` : `in ${state.path} or in containers`
}
