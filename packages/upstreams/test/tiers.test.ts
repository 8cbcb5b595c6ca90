import { expect, it } from 'vitest'
import { ask, named, over, until } from './servers.ts'

it('backups have requests only while no other endpoint is usable', async () => {
  const [a, spare] = [await named('a'), await named('spare')]
  const { upstreams } = await over([a.origin, { url: spare.origin, backup: true }], { usable: 0 })
  await until(() => upstreams.endpoints().every(({ condition }) => condition === 'up'))
  expect(upstreams.endpoints().map(({ available }) => available)).toEqual([true, false])
  const bodies = async () => [(await ask(upstreams)).body, (await ask(upstreams)).body]
  expect(await bodies()).toEqual(['a', 'a'])
  upstreams.drain(a.origin)
  expect(await bodies()).toEqual(['spare', 'spare'])
  upstreams.undrain(a.origin)
  upstreams.eject(a.origin)
  expect(await bodies()).toEqual(['spare', 'spare'])
  upstreams.undrain(a.origin)
  expect(await bodies()).toEqual(['a', 'a'])
})

it('what comes back starts slowly, and has all of its share after 30 s', async () => {
  const [a, b] = [await named('a'), await named('b')]
  const time = { now: performance.now() }
  const { upstreams } = await over([a.origin, b.origin], { clock: () => time.now })
  const share = async () => {
    let ofA = 0
    for (let count = 0; count < 22; count++) if ((await ask(upstreams)).body === 'a') ofA++
    return ofA
  }
  expect(await share()).toBe(11)
  upstreams.eject(a.origin)
  upstreams.undrain(a.origin)
  expect(await share()).toBe(2)
  expect(upstreams.endpoints()).toMatchObject([{ weight: 1, ramp: 0.1 }, { ramp: 1 }])
  time.now += 30_000
  expect(await share()).toBe(11)
})
