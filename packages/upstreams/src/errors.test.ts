import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { codes, proxyError, statusOf, UpstreamError } from './errors.ts'

const withCode = (code: string) => Object.assign(new Error(code), { code })

describe('a failure', () => {
  it.each([
    ['ECONNREFUSED', 'connection_refused', 502],
    ['ECONNRESET', 'connection_terminated', 502],
    ['UND_ERR_SOCKET', 'connection_terminated', 502],
    ['UND_ERR_CONNECT_TIMEOUT', 'connection_timeout', 504],
    ['ENOTFOUND', 'dns_error', 502],
    ['HPE_INVALID_CONSTANT', 'http_protocol_error', 502],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_certificate_error', 502],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_certificate_error', 502],
    ['INVALID_PURPOSE', 'tls_certificate_error', 502],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_protocol_error', 502],
    ['UND_ERR_INVALID_ARG', 'http_request_error', 400],
    ['ESOMETHING', 'proxy_internal_error', 502],
  ])('%s is %s and answers %i', (code, type, status) => {
    expect(proxyError(withCode(code))).toBe(type)
    expect(statusOf(proxyError(withCode(code)))).toBe(status)
  })

  it('of ours keeps its type, its cause, and says when to come back', () => {
    const cause = new Error('why')
    const error = new UpstreamError('destination_unavailable', { sent: false, cause })
    expect(error).toMatchObject({ code: 'no_usable_upstream', statusCode: 503, headers: { 'retry-after': '2' }, cause })
    expect(proxyError(error)).toBe('destination_unavailable')
    expect(new UpstreamError('connection_refused', { sent: false }).headers).toEqual({})
  })
})

it('every code is documented', () => {
  const documented = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  for (const code of codes) expect(documented).toContain(`\`${code}\``)
})
