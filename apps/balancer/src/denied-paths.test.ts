import { describe, expect, it } from 'vitest'
import { denies } from './denied-paths.ts'

describe('a denied path', () => {
  const denied = denies(['/metrics', '/internal/Debug/'])

  it.for([
    '/metrics',
    '/metrics?x=/y',
    '/metrics/',
    '/metrics/gateway',
    '//metrics',
    '/METRICS',
    '/%6detrics',
    '/%6Detri%63s',
    '/%256detrics',
    '/%2fmetrics',
    '/./metrics',
    '/a/../metrics',
    '/a/%2e%2e/metrics',
    '/..//metrics',
    '/metrics;v=1',
    '/x;a=1/../metrics',
    '\\metrics',
    '/internal/debug',
    '/internal//debug/x',
  ])('is denied as %s', (target) => {
    expect(denied(target)).toBe(true)
  })

  it.for(['/', '/metricsx', '/data/metrics', '/data?path=/metrics', '/internal', '/metrics2/', '/caf%C3%A9', '/%'])(
    'leaves %s alone',
    (target) => {
      expect(denied(target)).toBe(false)
    },
  )
})
