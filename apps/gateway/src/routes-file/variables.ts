/** `${NAME}` in a routes file: what it may name, and what it comes to. */
import { type Mistake, mistake, type Path } from '@spillway/service'

export type Variables = Readonly<Record<string, string | undefined>>

const VARIABLE = /\$\{([^}]*)\}/g

/** Puts the variables' values into a text. */
export function expand(text: string, variables: Variables): string {
  return text.replace(VARIABLE, (_, name: string) => variables[name] ?? '')
}

export function unsetMistakes(text: string, at: Path, variables: Variables): Mistake[] {
  const unset = [...text.matchAll(VARIABLE)].filter(([, variable = '']) => !variables[variable])
  return unset.map(([name]) => mistake(at, `needs ${name}, which is not set`))
}
