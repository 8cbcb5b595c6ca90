/** Applies a file of settings anew while the process runs: whole or not at all, one reload at a time. */
import type { Logger } from 'pino'
import { Type } from 'typebox'
import { ConfigError } from './config.ts'
import { Problem, problems } from './problem.ts'
import { YamlError } from './yaml-file.ts'

/** What became of a reload: what is different now, nothing where the list is empty; or why all is as it was. */
export type Reloaded =
  | { readonly outcome: 'applied'; readonly changes: readonly string[] }
  | { readonly outcome: 'refused'; readonly mistakes: readonly string[] }

/**
 * Makes what reloads: it never rejects, and waits for the reload before it.
 *
 * @param apply resolves to what changed; where it rejects, all is as it was
 */
export function reloads(apply: () => Promise<readonly string[]>, logger: Logger): () => Promise<Reloaded> {
  let last: Promise<unknown> = Promise.resolve()
  const reload = async (): Promise<Reloaded> => {
    try {
      const changes = await apply()
      logger.info({ changes }, changes.length > 0 ? 'reloaded' : 'reloaded, and nothing changed')
      return { outcome: 'applied', changes }
    } catch (error) {
      const mistakes = mistakesIn(error as Error)
      logger.error({ mistakes }, 'the reload is refused; all stays as it was')
      return { outcome: 'refused', mistakes }
    }
  }
  return () => {
    const reloaded = last.then(reload)
    last = reloaded
    return reloaded
  }
}

/** A line each, without the line that counts them. */
function mistakesIn(error: Error): readonly string[] {
  if (!(error instanceof YamlError || error instanceof ConfigError)) return [error.message]
  return [...error.message.matchAll(/\n *(.*)/g)].map(([, line = '']) => line)
}

/** What a route that reloads answers. */
export const Changes = Type.Object({
  changes: Type.Array(Type.String(), { description: 'Empty where nothing is different' }),
})

const reloadProblems = problems({
  reload_refused: [422, 'The configuration cannot be used; the old one stays'],
})

/** With every mistake. */
export function reloadRefused(mistakes: readonly string[]): Problem {
  const errors = mistakes.map((message) => ({ in: 'configuration', path: '', message }))
  return new Problem(reloadProblems.reload_refused, { detail: mistakes.join('; '), errors })
}
