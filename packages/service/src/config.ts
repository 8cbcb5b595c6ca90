/** Reads the environment once, whole, into one typed, frozen object, or reports every mistake in it together. */
import { type Static, type StaticDecode, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'

/** Every mistake found in the settings; the message lists them a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(
      `The settings have ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`,
    )
    this.mistakes = mistakes
  }
}

/** What `readConfig` makes of a table of settings. */
export type ConfigOf<T extends TProperties> = Readonly<StaticDecode<TObject<T>>>

/**
 * Reads `settings` (keys are the variables' names) from `environment`.
 *
 * Wrong values, missing required ones and unknown names are mistakes. An environment holds much that is not ours, so a
 * name counts as an unknown setting when it starts with `SPILLWAY_` or is a slip away (one edit, or two letters swapped)
 * from one of ours. An empty value counts as not set, as in compose files.
 *
 * @throws {ConfigError} naming every mistake, the value found and the value wanted.
 */
export function readConfig<T extends TProperties>(
  settings: T,
  environment: Record<string, string | undefined>,
): ConfigOf<T> {
  const schema = Type.Object(settings)
  const names = Object.keys(settings)
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const ours = Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
  const typed = Object.entries(ours).map(([name, text]) => [name, parse(settings[name] as TSchema, text as string)])
  const values = Value.Default(schema, Object.fromEntries(typed)) as Record<string, unknown>
  const mistakes = [
    ...Object.keys(given).flatMap((name) => unknown(name, names)),
    ...names.flatMap((name) => wrong(name, settings[name] as TSchema, values[name], ours[name])),
  ]
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze(Value.Decode(schema, values as Static<typeof schema>)) as ConfigOf<T>
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
function isSlip(a: string, b: string): boolean {
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
