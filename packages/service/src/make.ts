/** Settings for tools that are targets of a Makefile: read from the environment and from make's command line. */
import type { TProperties } from 'typebox'
import { ConfigError, type ConfigOf, readConfig } from './config.ts'

/**
 * The names of the variables on make's command line, which it leaves in MAKEFLAGS after ` -- ` with blanks escaped.
 * Their values it puts into the environment itself.
 */
export function commandLineNames(makeflags: string): string[] {
  const [, variables = ''] = /(?:^|\s)--\s(.*)$/s.exec(makeflags) ?? []
  return (variables.match(/(?:\\.|[^\s\\])+/gs) ?? []).flatMap((word) => /^([^\s:=+?!]+)[:+?!]*=/.exec(word)?.[1] ?? [])
}

/**
 * Reads the settings. A variable on make's command line was meant for us and must be one of ours; the environment
 * holds much that was not, so there only slips count.
 *
 * @param contradictions what is wrong with settings that are right one by one
 * @throws {ConfigError} naming every mistake
 */
export function readMakeConfig<T extends TProperties>(
  settings: T,
  environment: Record<string, string | undefined>,
  contradictions: (config: ConfigOf<T>) => readonly string[] = () => [],
): ConfigOf<T> {
  let config: ConfigOf<T> | undefined
  let mistakes: readonly string[]
  try {
    config = readConfig(settings, environment)
    mistakes = contradictions(config)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    mistakes = error.mistakes
  }
  const known = Object.keys(settings)
  const strangers = commandLineNames(environment['MAKEFLAGS'] ?? '')
    .filter(
      (name) =>
        !(
          known.includes(name) ||
          known.includes(name.replace(/_FILE$/, '')) ||
          mistakes.some((mistake) => mistake.startsWith(`${name} is not`))
        ),
    )
    .map((name) => `${name} is not a setting here; known are ${known.join(', ')}`)
  if (!config || strangers.length + mistakes.length > 0) throw new ConfigError([...strangers, ...mistakes])
  return config
}
