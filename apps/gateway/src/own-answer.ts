/** What a route answers without an upstream: a redirect, or what the routes file says. */
import { answering, redirecting } from '@spillway/forward'
import { rewriting } from './rewrite.ts'
import type { Route } from './routes-file/read.ts'

/** Undefined where the route sends requests on. */
export function ownAnswer({ path, redirect, answer }: Route): ReturnType<typeof answering> | undefined {
  if (redirect) return redirecting(redirect.status ?? 307, location(path, redirect.to))
  return answer && answering(answer)
}

/** The status that it answers with, for the API's description. */
export function ownStatus({ redirect, answer }: Route): number | undefined {
  if (redirect) return redirect.status ?? 307
  return answer && (answer.status ?? 200)
}

/** The names of `to` become what the client wrote; its query goes along where `to` has none. */
function location(path: string, to: string): (asked: string) => string {
  const lead = rewriting(path, to)
  return (asked) => lead(/[?#]/.test(to) ? (asked.split('?', 1)[0] ?? '') : asked)
}
