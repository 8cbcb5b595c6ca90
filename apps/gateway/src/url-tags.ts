/** What a client's path is called among cached answers: by the URLs that upstreams were asked for. */
import { urlTag } from '@spillway/http-cache'
import { rewriter } from './rewrite.ts'
import type { Route } from './routes-file/read.ts'

/**
 * Tags of all answers that a client may have got for a path, query included; none where no route reads it. Of several
 * routes that match, any may have served it.
 */
export function urlTags(routes: readonly Route[]): (path: string) => string[] {
  const reads = routes
    .filter(({ methods, upstream }) => methods.includes('GET') && upstream !== undefined)
    .map(({ path, rewrite, upstream }) => ({
      takes: pattern(path),
      origin: `http://${upstream}`,
      lead: rewrite === undefined ? (asked: string) => asked : rewriter(path, rewrite),
    }))
  return (given) => {
    // A path by itself is no URL: only escapes that mean nothing are undone.
    const path = urlTag(given.split('?', 1)[0] ?? '')
    return reads.flatMap(({ takes, origin, lead }) => {
      const asked = takes.test(path) ? lead(given) : undefined
      return asked === undefined ? [] : [urlTag(origin + asked)]
    })
  }
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]*')}$`)
}
