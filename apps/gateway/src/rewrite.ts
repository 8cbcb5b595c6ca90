/** The path that goes upstream in the place of a client's: what its names stand for stays as the client wrote it. */
import { Problem } from '@spillway/service'
import { gatewayProblems } from './errors.ts'

/** Takes a path as a client wrote it, with or without a query, which is kept. */
export type Rewriter = (target: string) => string

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
    for (const part of parts) rewritten += typeof part === 'string' ? part : plain(written[part] ?? '')
    return end < 0 ? rewritten : rewritten + target.slice(end)
  }
}

/** How often somebody may decode what was encoded more than once. */
const MOST_DECODINGS = 4

/**
 * A segment, unchanged. One that somebody behind us may read as more than one, as none, or as the path's end would lead
 * out of where the route goes.
 *
 * @throws {Problem} `ambiguous_path`
 */
function plain(segment: string): string {
  let read = segment
  for (let times = 0; read.includes('%') && times < MOST_DECODINGS; times++) read = decoded(read)
  // Some servers drop parameters before they look for dots.
  const [name = ''] = read.split(';', 1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they end a path for some servers.
  if (/[/\\?#\0-\x1f\x7f]|%[0-7][0-9a-f]/i.test(read) || /^\.{0,2}$/.test(name)) {
    const detail = `${JSON.stringify(segment)} can be read as more, or less, than one segment of a path`
    throw new Problem(gatewayProblems.ambiguous_path, { detail })
  }
  return segment
}

/** What matters is ASCII; the router refuses what is not UTF-8. */
function decoded(text: string): string {
  return text.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
