/** What comes first in every process of a service: its settings, its log, and what a defect does to it. */
import type { TProperties } from 'typebox'
import { createContext, type ServiceContext } from './app.ts'
import { ConfigError, type ConfigOf, readConfig } from './config.ts'
import { countBuffersWithHeap } from './heap.ts'
import type { common } from './settings.ts'

export interface BootOptions<T extends TProperties> {
  service: string
  settings: T
  environment: Record<string, string | undefined>
}

/** Ends the process with 1 at mistakes in the settings, all told at once, and later at whatever nobody catches. */
export function boot<T extends TProperties & typeof common>(
  options: BootOptions<T>,
): { config: ConfigOf<T>; context: ServiceContext } {
  const config = settingsOrExit(options)
  countBuffersWithHeap()
  const context = createContext(options.service, config as unknown as { INSTANCE?: string; LOG_LEVEL: string })
  const crash = (err: unknown) => {
    context.logger.fatal({ err }, 'crashed')
    process.exit(1)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  return { config, context }
}

function settingsOrExit<T extends TProperties>({ service, settings, environment }: BootOptions<T>): ConfigOf<T> {
  try {
    return readConfig(settings, environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${service}: ${error.message}\n`)
    process.exit(1)
  }
}
