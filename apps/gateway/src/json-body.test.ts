import { expect, it } from 'vitest'
import { isPlainJson } from './json-body.ts'

/** As Node has them: of two types it shows the first. */
function said(...rawHeaders: string[]) {
  const headers: Record<string, string> = {}
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers[(rawHeaders[index] as string).toLowerCase()] ??= rawHeaders[index + 1] as string
  }
  return { headers, rawHeaders }
}

it.each([
  [['content-type', 'application/json']],
  [['Content-Type', 'application/json; charset=utf-8']],
  [['content-type', 'application/problem+json;a=b; charset="UTF-8" ;c=d']],
  [['content-type', 'application/json', 'content-encoding', 'identity', 'connection', 'close']],
])('%j is JSON for everybody', (raw) => {
  expect(isPlainJson(said(...raw))).toBe(true)
})

it.each([
  [['content-type', 'application/json; charset=utf-7']],
  [['content-type', 'application/json;charset="UTF-16"']],
  [['content-type', 'application/json; charset=utf-8; charset=utf-7']],
  [['content-type', "application/json; charset*=utf-7''x"]],
  [['content-type', 'application/json', 'content-encoding', 'gzip']],
  [['content-type', 'application/json', 'Content-Type', 'application/x-www-form-urlencoded']],
  [['content-type', 'application/json', 'connection', 'keep-alive, Content-Type']],
])('%j may be something else', (raw) => {
  expect(isPlainJson(said(...raw))).toBe(false)
})
