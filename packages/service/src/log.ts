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

/** What a request's logger is made of, once it is made. */
interface Source {
  parent: Logger
  bindings: () => Record<string, string>
  child?: Logger
}

const LAZY: ProxyHandler<Source> = {
  get(source, name) {
    source.child ??= source.parent.child(source.bindings())
    const value = Reflect.get(source.child, name)
    return typeof value === 'function' ? value.bind(source.child) : value
  },
}

/** A child of `parent` that is made when its first line is: most requests write none, and redaction makes a child dear. */
export function requestLogger(parent: Logger, bindings: Source['bindings']): Logger {
  return new Proxy<Source>({ parent, bindings }, LAZY) as unknown as Logger
}
