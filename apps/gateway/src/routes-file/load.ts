/** The routes file that the settings name, read as it is now. */
import { readFile } from 'node:fs/promises'
import { ConfigError } from '@spillway/service'
import type { Config } from '../config.ts'
import { type RoutesTable, readRoutes } from './read.ts'

type Named = Pick<Config, 'ROUTES_FILE' | 'DB_URL' | 'MICROSERVICE_URL' | 'WORKER_URL' | 'REMOTE_URL'>

/**
 * @param environment what `${NAME}` in the file may name, beside the settings
 * @throws {YamlError | ConfigError} naming every mistake
 */
export async function loadRoutes(
  config: Named,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RoutesTable> {
  const variables = {
    ...environment,
    DB_URL: config.DB_URL.join(','),
    MICROSERVICE_URL: config.MICROSERVICE_URL.join(','),
    WORKER_URL: config.WORKER_URL.join(','),
    REMOTE_ORIGIN: config.REMOTE_URL.origin,
    REMOTE_PATH: config.REMOTE_URL.path,
  }
  return readRoutes(await textOf(config.ROUTES_FILE), { file: config.ROUTES_FILE, variables })
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new ConfigError([`the routes file is ${JSON.stringify(file)}, which cannot be read (${why})`], {
      cause: error,
    })
  }
}
