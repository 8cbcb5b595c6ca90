/** The path that goes upstream in the place of a client's: what its names stand for stays as the client wrote it. */
import { Problem } from '@spillway/service'
import { gatewayProblems } from './errors.ts'
import { decoded, isTwisted } from './reading.ts'

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

/**
 * For a route that rewrites nothing: the path goes on as the client wrote it. Undefined where `path` has no names, and so
 * nothing that could be read otherwise.
 *
 * @throws {Problem} `ambiguous_path`
 */
export function asWritten(path: string): ((target: string) => string) | undefined {
  if (!path.includes('{')) return undefined
  return (target) => {
    if (!isTwisted(target)) return target
    const detail = `what stands for a name of ${path} can be read as another path`
    throw new Problem(gatewayProblems.ambiguous_path, { detail })
  }
}

/** Whether every reader takes it for one segment of a path. */
function isOne(segment: string): boolean {
  const read = decoded(segment)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they end a path for some servers.
  if (/[/\\?#\0-\x1f\x7f]|%[0-7][0-9a-f]/i.test(read)) return false
  // Some servers drop parameters before they look for dots.
  return !/^\.{0,2}(;|$)/.test(read)
}
