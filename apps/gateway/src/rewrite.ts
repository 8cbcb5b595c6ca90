/** The path that goes upstream in the place of a client's: what its names stand for stays as the client wrote it. */
import { Problem } from '@spillway/service'
import { gatewayProblems } from './errors.ts'

/**
 * Takes a path as a client wrote it, with or without a query, which is kept. Undefined where somebody behind us could read
 * what it makes as another path: a name's segment as more than one, as none, or as the path's end.
 */
type Rewriter = (target: string) => string | undefined

/**
 * @param path a route's, such as `/items/{id}`
 * @param to what it becomes, such as `/v1/items/{id}`; it has no names that `path` has not
 */
export function rewriter(path: string, to: string): Rewriter {
  const segments = path.split('/')
  /** Texts, and the places in the client's path of what comes between them. */
  const parts = to.split(/(\{\w+\})/).map((part, index) => (index % 2 ? segments.indexOf(part) : part))
  return (target) => {
    const end = target.indexOf('?')
    const written = (end < 0 ? target : target.slice(0, end)).split('/')
    let rewritten = ''
    for (const part of parts) {
      const segment = typeof part === 'string' ? part : written[part]
      if (segment === undefined || (segment !== part && !isOne(segment))) return undefined
      rewritten += segment
    }
    return end < 0 ? rewritten : rewritten + target.slice(end)
  }
}

/**
 * The same, for requests.
 *
 * @throws {Problem} `ambiguous_path`
 */
export function rewriting(path: string, to: string): (target: string) => string {
  const rewrite = rewriter(path, to)
  return (target) => {
    const rewritten = rewrite(target)
    if (rewritten !== undefined) return rewritten
    const detail = `what stands for a name of ${path} can be read as more, or less, than one segment`
    throw new Problem(gatewayProblems.ambiguous_path, { detail })
  }
}

/** How often somebody may decode what was encoded more than once. */
const MOST_DECODINGS = 4

/** Whether every reader takes it for one segment of a path. */
function isOne(segment: string): boolean {
  let read = segment
  for (let times = 0; read.includes('%') && times < MOST_DECODINGS; times++) read = decoded(read)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they end a path for some servers.
  if (/[/\\?#\0-\x1f\x7f]|%[0-7][0-9a-f]/i.test(read)) return false
  // Some servers drop parameters before they look for dots.
  return !/^\.{0,2}(;|$)/.test(read)
}

/** What matters is ASCII; the router refuses what is not UTF-8. */
function decoded(text: string): string {
  return text.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
