/** Makes the secrets of a stack in containers, one file for each reader, and ends. Safe to run again: what is there stays. */
import { chownSync } from 'node:fs'
import { ConfigError, readConfig, text } from '@spillway/service'
import { Type } from 'typebox'
import { makeSecrets } from './secret-files.ts'

const directory = process.argv[2]
if (directory === undefined) {
  process.stderr.write('secrets: say in which directory: secrets DIR\n')
  process.exit(2)
}

const settings = {
  DATABASE_URL: text({
    about: 'Where the database is; its password is put in.',
    default: 'postgres://spillway@postgres:5432/spillway',
  }),
  DEMO_PASSWORD: Type.Optional(text({ about: 'The demo accounts’ password; by default random ones.' })),
}

try {
  const made = makeSecrets(directory, readConfig(settings, process.env), chownSync)
  process.stdout.write(made.length > 0 ? `secrets: made ${made.join(', ')}\n` : 'secrets: all are there\n')
} catch (error) {
  process.stderr.write(`secrets: ${(error as Error).message}\n`)
  if (!(error instanceof ConfigError)) process.stderr.write(`secrets: could not be made in ${directory}\n`)
  process.exitCode = 1
}
