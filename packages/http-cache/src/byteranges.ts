/** Parts of a body as an answer says them: one by itself, several as `multipart/byteranges` (RFC 9110, 14.6, 15.3.7). */
import { randomUUID } from 'node:crypto'
import { type AnswerHeaders, answerField } from './fields.ts'
import type { Part } from './ranges.ts'

/** The headers of a 206 with this part of a body of `length` bytes. */
export function partHeaders(headers: AnswerHeaders, part: Part, length: number): AnswerHeaders {
  const { first, last } = part
  return { ...headers, 'content-range': contentRange(part, length), 'content-length': String(last - first + 1) }
}

/** A 206 with several parts of a body. */
export function partsOf(
  headers: AnswerHeaders,
  parts: readonly Part[],
  body: Buffer,
): { readonly headers: AnswerHeaders; readonly chunks: readonly Buffer[] } {
  const boundary = randomUUID()
  const type = answerField(headers, 'content-type')
  const chunks = parts.flatMap((part) => [
    Buffer.from(
      `\r\n--${boundary}\r\n${type ? `content-type: ${type}\r\n` : ''}content-range: ${contentRange(part, body.length)}\r\n\r\n`,
    ),
    body.subarray(part.first, part.last + 1),
  ])
  chunks.push(Buffer.from(`\r\n--${boundary}--\r\n`))
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  return {
    headers: {
      ...headers,
      'content-type': `multipart/byteranges; boundary=${boundary}`,
      'content-length': String(length),
    },
    chunks,
  }
}

function contentRange({ first, last }: Part, length: number): string {
  return `bytes ${first}-${last}/${length}`
}
