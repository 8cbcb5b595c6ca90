/** `make rotate-key`: new tokens are signed by a new key, and nobody is signed out. */
import { setTimeout as delay } from 'node:timers/promises'
import { type KeyTexts, LOOK_EVERY_MS, rotate } from '@spillway/auth'
import { Containers } from './containers.ts'
import { findDeployment } from './find-deployment.ts'
import { livingSupervisor } from './leftovers.ts'
import { secretFiles } from './secrets.ts'
import type { Environment } from './settings.ts'
import { readText, type ServiceEntry, StackError, type StateDir, writeAtomic } from './state.ts'

/** Services look each second; on a busy machine a look can be late. */
const READ_WITHIN_MS = 30 * LOOK_EVERY_MS
const POLL_MS = 200

export async function rotateKey(state: StateDir, environment: Environment): Promise<number> {
  const found = await findDeployment(state, environment)
  process.stdout.write(found instanceof Containers ? await found.rotateKey() : await rotateFiles(state))
  return 0
}

/**
 * @throws {StackError} where there are no keys yet, or a gateway does not take the new one: then the old key goes on
 * signing, and the new one is known to most
 */
async function rotateFiles(state: StateDir): Promise<string> {
  const files = secretFiles(state)
  const signing = readText(files.signingKeys)
  if (signing === undefined) throw new StackError(`there are no keys in ${state.path}; make up makes the first.`)
  const up = (await livingSupervisor(state))?.phase === 'up'
  const { kid, introduced, switched } = rotate(signing, files.signingKeys)
  // Who verifies first: no gateway may sign with what db and worker do not know.
  const write = (texts: KeyTexts) => {
    writeAtomic(files.verifyKeys, texts.verifying, 0o600)
    writeAtomic(files.signingKeys, texts.signing, 0o600)
  }
  const gateways = up ? (state.readStack()?.services ?? []).filter(({ role }) => role === 'gateway') : []
  const all = (hold: (kids: readonly string[]) => boolean) => Promise.all(gateways.map((each) => shows(each, hold)))
  if (up) {
    write(introduced)
    // Whoever cannot be asked has looked as often.
    await Promise.all([delay(3 * LOOK_EVERY_MS), all((kids) => kids.includes(kid))])
  }
  write(switched())
  // The first one signs.
  await all(([first]) => first === kid)
  return `New tokens are signed by the key ${kid}. Tokens of the one before are good until they end.\n`
}

/** Resolves once the keys that a gateway shows are such, in their order. */
async function shows({ name, url }: ServiceEntry, hold: (kids: readonly string[]) => boolean): Promise<void> {
  for (const until = performance.now() + READ_WITHIN_MS; performance.now() < until; await delay(POLL_MS)) {
    const answer = await fetch(`${url}/.well-known/jwks.json`).catch(() => undefined)
    const { keys = [] } = answer?.ok ? ((await answer.json()) as { keys?: { kid: string }[] }) : {}
    if (hold(keys.map(({ kid }) => kid))) return
  }
  throw new StackError(
    `${name} has not read the new key in ${READ_WITHIN_MS / 1000} s; see its log. Both keys are good.`,
  )
}
