/**
 * Makes the secrets of a stack in containers, one file for each reader, and ends. Safe to run again: what is there stays. Or
 * has new tokens signed by a new key.
 */
import { chownSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { LOOK_EVERY_MS } from '@spillway/auth'
import { ConfigError, readConfig, text } from '@spillway/service'
import { Type } from 'typebox'
import { makeSecrets, rotateKey } from './secret-files.ts'

const [directory, command] = process.argv.slice(2)
if (directory === undefined || (command !== undefined && command !== 'rotate-key')) {
  process.stderr.write('secrets: say in which directory, and what else if anything: secrets DIR [rotate-key]\n')
  process.exit(2)
}
/** Services look each second whether a file has changed; on a busy machine later. They are out of this one's reach. */
const LOOKED = 5

const settings = {
  DATABASE_URL: text({
    about: 'Where the database is; its password is put in.',
    default: 'postgres://spillway@postgres:5432/spillway',
  }),
  DEMO_PASSWORD: Type.Optional(text({ about: 'The demo accounts’ password; by default random ones.' })),
}

try {
  const options = readConfig(settings, process.env)
  if (command === 'rotate-key') {
    const kid = await rotateKey(directory, options, chownSync, () => delay(LOOKED * LOOK_EVERY_MS))
    process.stdout.write(`New tokens are signed by the key ${kid}. Tokens of the one before are good until they end.\n`)
  } else {
    const made = makeSecrets(directory, options, chownSync)
    process.stdout.write(made.length > 0 ? `secrets: made ${made.join(', ')}\n` : 'secrets: all are there\n')
  }
} catch (error) {
  process.stderr.write(`secrets: ${(error as Error).message}\n`)
  if (!(error instanceof ConfigError)) process.stderr.write(`secrets: could not be made in ${directory}\n`)
  process.exitCode = 1
}
