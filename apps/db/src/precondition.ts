/** Versions as HTTP carries them: an entity tag each, compared strongly (RFC 9110, 8.8.3 and 13.1). */
import type { IncomingHttpHeaders } from 'node:http'
import { commonProblems, Problem } from '@spillway/service'
import type { Precondition } from './items.ts'

const TAG = '(W/)?"[\\x21\\x23-\\x7e]*"'

/** Pattern of an `If-Match`. */
export const ENTITY_TAGS = `^(\\*|${TAG}(\\s*,\\s*${TAG})*)$`
/** Pattern of the one `If-None-Match` that makes sense for a write: "only if there is none yet". */
export const ANY = '^\\*$'

export function etag(version: number): string {
  return `"${version}"`
}

/** Whether a read's `If-None-Match` names this version; compared weakly (RFC 9110, 13.1.2). */
export function isKnown(version: number, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.trim() === '*' || (ifNoneMatch.match(/"[^"]*"/g)?.includes(etag(version)) ?? false)
}

/** What a write's headers ask; they have passed the patterns above. */
export function precondition(headers: Pick<IncomingHttpHeaders, 'if-match' | 'if-none-match'>): Precondition {
  const ifMatch = headers['if-match']
  if (headers['if-none-match'] !== undefined) {
    if (ifMatch === undefined) return { wants: 'absent' }
    throw new Problem(commonProblems.bad_request, { detail: 'send If-Match or If-None-Match, not both' })
  }
  if (ifMatch === undefined) return { wants: 'nothing' }
  if (ifMatch === '*') return { wants: 'present' }
  // Weak tags and tags that are none of ours cannot match; a list of them alone matches nothing.
  const versions = [...ifMatch.matchAll(/(?<!W\/)"(\d{1,15})"/g)].map(([, version]) => Number(version))
  return { wants: 'version', versions }
}
