/** Structured logs: one JSON line an event on standard output, with who wrote it and nothing secret. */
import { type Logger, pino } from 'pino'

/** `level` as pino's; secrets are cut out wherever they could appear in what we log. */
export function createLogger(options: { service: string; instance: string; level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service, instance: options.instance, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: [
      'password',
      '*.password',
      'token',
      '*.token',
      'headers.authorization',
      '*.headers.authorization',
      'headers.cookie',
      '*.headers.cookie',
    ],
  })
}
