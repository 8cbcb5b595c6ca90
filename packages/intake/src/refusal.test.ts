import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Refusal, refusals } from './refusal.ts'

describe('a refusal', () => {
  it('closes the connection', () => {
    expect(new Refusal('ambiguous_request', 'why').headers).toEqual({ connection: 'close' })
  })

  it('is documented, whatever its code', () => {
    const documented = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    for (const code of refusals) expect(documented).toContain(`| \`${code}\` |`)
  })
})
