import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Agenda } from './agenda.ts'

it('hands out what is due in the order of its time, and nothing that is not', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (times, now) => {
      const agenda = new Agenda<{ at: number }>()
      for (const at of times) agenda.add({ at })
      const taken: number[] = []
      for (let event = agenda.take(now); event; event = agenda.take(now)) taken.push(event.at)
      expect(taken).toEqual(times.filter((at) => at <= now).sort((one, other) => one - other))
    }),
  )
})
