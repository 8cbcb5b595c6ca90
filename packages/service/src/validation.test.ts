import Fastify from 'fastify'
import { Type } from 'typebox'
import { expect, it } from 'vitest'
import { validatorCompiler } from './validation.ts'

const endpoint = Type.Object(
  { policy: Type.Enum(['hash', 'random']), weight: Type.Number({ exclusiveMinimum: 0, maximum: 1000 }) },
  { additionalProperties: false },
)

/** What is wrong with `body`, a line each. */
async function faults(body: object, schema: object = endpoint): Promise<string[]> {
  const app = Fastify().setValidatorCompiler(validatorCompiler)
  app.post('/', { schema: { body: schema } }, () => 'fits')
  app.setErrorHandler(({ validation = [] }: { validation?: { instancePath: string; message?: string }[] }) =>
    validation.map(({ instancePath, message }) => `${instancePath} ${message}`),
  )
  const answer = await app.inject({ method: 'POST', url: '/', body })
  return answer.body === 'fits' ? [] : answer.json()
}

it('names each field that is wrong, and what would be right', async () => {
  expect(await faults({ policy: 'hash', weight: 2 })).toEqual([])
  expect(await faults({ policy: 'fastest', weight: 1001 })).toEqual([
    '/policy must be one of hash, random',
    '/weight must be <= 1000',
  ])
  expect(await faults({ weight: '2', colour: 1 })).toEqual(
    expect.arrayContaining([
      '/policy is missing',
      '/weight must be number',
      '/colour is not known here; known are policy, weight',
    ]),
  )
})

it.for([
  [{ task: 'sleep', ms: 1 }, []],
  [{ task: 'sleep', ms: -1, n: 1 }, ['/ms must be >= 0', '/n is not known here; known are task, ms']],
  [{ task: 'report', ms: 1 }, ['/ms is not known here; known are task']],
  [{ task: 'slep', ms: -1 }, ['/task must be one of report, sleep']],
  [{ ms: 1 }, ['/task is missing; it must be one of report, sleep']],
] as const)('names what is wrong with the alternative that was meant: %j', async ([body, expected]) => {
  const closed = { additionalProperties: false }
  const report = { type: 'object', required: ['task'], properties: { task: { const: 'report' } }, ...closed }
  const ms = { type: 'integer', minimum: 0 }
  const sleep = { type: 'object', required: ['task', 'ms'], properties: { task: { const: 'sleep' }, ms }, ...closed }
  expect((await faults(body, { oneOf: [report, sleep] })).toSorted()).toEqual(expected)
})

it.for([
  [{ keys: 1 }, []],
  [{}, [' must have exactly one of keys, tags']],
  [{ keys: 1, tags: 1 }, [' must have exactly one of keys, tags']],
] as const)('names members of which there must be one: %j', async ([body, expected]) => {
  const choice = { type: 'object', oneOf: [{ required: ['keys'] }, { required: ['tags'] }] }
  expect(await faults(body, choice)).toEqual(expected)
})
