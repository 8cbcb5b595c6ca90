import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Counter, createRegistry, Gauge, Histogram, parseMetrics, Registry } from './index.ts'

describe('parseMetrics', () => {
  it('reads names, labels with escapes, values, and passes over comments and times', () => {
    const text = [
      '# HELP a_total Help with "quotes" {and} braces 1',
      '# TYPE a_total counter',
      'a_total 3',
      'b:c{path="/a}b{",quote="\\"",slash="\\\\n",line="a\\nb"} 0.5 1395066363000',
      '',
      '  # indented',
      'd { x = "1" , } +Inf',
      'e{} -Inf\r',
      'f 1e-7',
      'g NaN',
    ].join('\n')
    expect(parseMetrics(text)).toEqual([
      { name: 'a_total', labels: {}, value: 3 },
      { name: 'b:c', labels: { path: '/a}b{', quote: '"', slash: '\\n', line: 'a\nb' }, value: 0.5 },
      { name: 'd', labels: { x: '1' }, value: Number.POSITIVE_INFINITY },
      { name: 'e', labels: {}, value: Number.NEGATIVE_INFINITY },
      { name: 'f', labels: {}, value: 1e-7 },
      { name: 'g', labels: {}, value: Number.NaN },
    ])
  })

  it.each(['a', 'a b', 'a{b} 1', 'a{b="1} 1', 'a{b="1" c="2"} 1', '1a 2', 'a{b="c"}', '{"error":"no"}', 'a 1 2 3'])(
    'names the line that is no sample: %s',
    (line) => {
      expect(() => parseMetrics(`x 1\n${line}\n`)).toThrow(`line 2 of the metrics is no sample: ${line}`)
    },
  )

  it('reads every sample that a process with all default metrics writes', async () => {
    const text = await createRegistry().metrics()
    const samples = parseMetrics(text)
    expect(samples).toHaveLength(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length)
    expect(samples.find(({ name }) => name === 'process_resident_memory_bytes')?.value).toBeGreaterThan(1e7)
  })

  it('reads back whatever prom-client writes', async () => {
    const name = fc.stringMatching(/^[a-z_:][a-z0-9_:]{0,12}$/)
    const label = fc.stringMatching(/^[a-zA-Z_]\w{0,8}$/).filter((each) => each !== 'le')
    const value = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Infinity, -Infinity))
    const labels = fc.dictionary(label, fc.string({ unit: 'binary' }), { maxKeys: 4 })
    await fc.assert(
      fc.asyncProperty(
        name,
        labels,
        value,
        fc.string({ minLength: 1, unit: 'binary' }),
        async (called, set, to, help) => {
          const registry = new Registry()
          new Gauge({ name: called, help, labelNames: Object.keys(set), registers: [registry] }).set(set, to)
          // Negative zero is written without its sign.
          expect(parseMetrics(await registry.metrics())).toEqual([{ name: called, labels: { ...set }, value: to + 0 }])
        },
      ),
      { numRuns: 500 },
    )
  })

  it('reads histograms as their buckets, sum and count', async () => {
    const registry = new Registry()
    const histogram = new Histogram({
      name: 'h',
      help: 'H.',
      labelNames: ['a'],
      buckets: [0.5, 1],
      registers: [registry],
    })
    histogram.observe({ a: 'x' }, 0.75)
    new Counter({ name: 'after_total', help: 'C.', registers: [registry] }).inc()
    expect(parseMetrics(await registry.metrics())).toEqual([
      { name: 'h_bucket', labels: { a: 'x', le: '0.5' }, value: 0 },
      { name: 'h_bucket', labels: { a: 'x', le: '1' }, value: 1 },
      { name: 'h_bucket', labels: { a: 'x', le: '+Inf' }, value: 1 },
      { name: 'h_sum', labels: { a: 'x' }, value: 0.75 },
      { name: 'h_count', labels: { a: 'x' }, value: 1 },
      { name: 'after_total', labels: {}, value: 1 },
    ])
  })
})
