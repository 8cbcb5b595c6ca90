/** Reads the environment once, whole, into one typed, frozen object, or reports every mistake in it together. */
import { readFileSync } from 'node:fs'
import { type Static, type StaticDecode, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'

/** Every mistake found in the settings; the message lists them a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[], options?: ErrorOptions) {
    super(
      `The settings have ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`,
      options,
    )
    this.mistakes = mistakes
  }
}

/** What `readConfig` makes of a table of settings; of one of two tables, one of two configurations. */
export type ConfigOf<T extends TProperties> = T extends TProperties ? Readonly<StaticDecode<TObject<T>>> : never

/**
 * Reads `settings` (keys are the variables' names) from `environment`.
 *
 * Wrong values, missing required ones and unknown names are mistakes. An environment holds much that is not ours, so a
 * name counts as an unknown setting when it starts with `SPILLWAY_` or is a slip away (one edit, or two letters swapped)
 * from one of ours. An empty value counts as not set, as in compose files.
 *
 * Instead of a setting itself, its name with `_FILE` may name a file that holds it, as the images of databases have it:
 * a secret then stands in no environment.
 *
 * @throws {ConfigError} naming every mistake, the value found and the value wanted.
 */
export function readConfig<T extends TProperties>(
  settings: T,
  environment: Record<string, string | undefined>,
): ConfigOf<T> {
  const schema = Type.Object(settings)
  const names = Object.keys(settings)
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  ) as Record<string, string>
  const { given, unreadable } = withFiles(present, names)
  const ours = Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
  const typed = Object.entries(ours).map(([name, text]) => [name, parse(settings[name] as TSchema, text)])
  const values = Value.Default(schema, Object.fromEntries(typed)) as Record<string, unknown>
  const mistakes = [
    ...unreadable.values(),
    ...Object.keys(given).flatMap((name) => unknown(name, names)),
    ...names
      .filter((name) => !unreadable.has(name))
      .flatMap((name) => wrong(name, settings[name] as TSchema, values[name], ours[name])),
  ]
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze(Value.Decode(schema, values as Static<typeof schema>)) as ConfigOf<T>
}

/**
 * What is given, with the contents of files in the places of their names (`CACHE_URL` for `CACHE_URL_FILE`); and, by
 * setting, what keeps one from being read.
 */
export function withFiles<Texts extends Record<string, string | undefined>>(present: Texts, names: readonly string[]) {
  const given: Record<string, string | undefined> = { ...present }
  const unreadable = new Map<string, string>()
  for (const name of names) {
    const source = `${name}_FILE`
    const file = given[source]
    if (!file || names.includes(source)) continue
    delete given[source]
    if (given[name]) {
      unreadable.set(name, `${name} and ${source} are both set; one of them must go`)
      continue
    }
    try {
      given[name] = readFileSync(file, 'utf8').trim()
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? String(error)
      unreadable.set(name, `${source} is ${JSON.stringify(file)}, which cannot be read (${why})`)
    }
  }
  return { given: given as Texts, unreadable }
}

/** Only whole numbers are not texts. TypeBox's own conversion would take `true`, `0x10` and `7.9` for them, too. */
function parse(setting: TSchema, text: string): unknown {
  return Type.IsInteger(setting) && /^-?\d+$/.test(text) ? Number(text) : text
}

function wrong(name: string, setting: TSchema & { wants?: string }, value: unknown, given?: string): string[] {
  if (value === undefined) {
    return Type.IsOptional(setting) ? [] : [`${name} is not set; it must be ${setting.wants}`]
  }
  return Value.Check(setting, value) ? [] : [`${name} is ${shown(given)}; it must be ${setting.wants}`]
}

/** Without the credentials of a URL, which belong in no log. */
function shown(given = ''): string {
  return JSON.stringify(given.replaceAll(/:\/\/[^/\s]*@/g, '://…@'))
}

function unknown(name: string, names: readonly string[]): string[] {
  if (names.includes(name)) return []
  const meant = names.find((known) => known.length >= 5 && isSlip(name, known))
  if (!meant && !name.startsWith('SPILLWAY_')) return []
  return [`${name} is not a setting${meant ? `; did you mean ${meant}?` : ` here; known are ${names.join(', ')}`}`]
}

/** Whether one insertion, deletion, replacement or swap of neighbours makes `a` into `b`. */
export function isSlip(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  const restA = a.slice(start)
  const restB = b.slice(start)
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  )
}
