import Fastify from 'fastify'
import { Type } from 'typebox'
import { expect, it } from 'vitest'
import { validatorCompiler } from './validation.ts'

/** What is wrong with `body`, a line each. */
async function faults(body: object): Promise<string[]> {
  const app = Fastify().setValidatorCompiler(validatorCompiler)
  const schema = Type.Object(
    { policy: Type.Enum(['hash', 'random']), weight: Type.Number({ exclusiveMinimum: 0, maximum: 1000 }) },
    { additionalProperties: false },
  )
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
