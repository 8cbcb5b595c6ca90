import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { Durations } from './durations.ts'

it('counts each duration in every bucket that it fits into, and by its labels', async () => {
  const registry = new Registry()
  const durations = new Durations({ name: 'test_seconds', help: 'Test.', labelNames: ['a', 'b'], registry })
  for (const seconds of [0.0005, 0.0007, 3, 11]) durations.observe(seconds, 'x', 'y')
  durations.observe(1, 'y', 'x')
  const lines = (await registry.metrics()).split('\n')
  expect(lines.slice(0, 2)).toEqual(['# HELP test_seconds Test.', '# TYPE test_seconds histogram'])
  for (const line of [
    'test_seconds_bucket{le="0.0005",a="x",b="y"} 1',
    'test_seconds_bucket{le="0.001",a="x",b="y"} 2',
    'test_seconds_bucket{le="2.5",a="x",b="y"} 2',
    'test_seconds_bucket{le="5",a="x",b="y"} 3',
    'test_seconds_bucket{le="10",a="x",b="y"} 3',
    'test_seconds_bucket{le="+Inf",a="x",b="y"} 4',
    'test_seconds_count{a="x",b="y"} 4',
    'test_seconds_bucket{le="0.75",a="y",b="x"} 0',
    'test_seconds_bucket{le="1",a="y",b="x"} 1',
    'test_seconds_sum{a="y",b="x"} 1',
  ]) {
    expect(lines).toContain(line)
  }
})
