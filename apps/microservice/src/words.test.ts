import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { type Standing, standingCheck, whenTold } from './words.ts'

/** What they need of a process: its events. */
const channel = () => new EventEmitter() as unknown as NodeJS.Process

describe('what a process knows of the others', () => {
  it('is failing until as many listen as are wanted, then degraded while one is away', () => {
    const process = channel()
    const check = standingCheck(process)
    const told = (standing: Standing) => {
      process.emit('message', { word: 'standing', standing }, undefined)
      return check()
    }
    expect(check()).toEqual({ status: 'failing', detail: 'not heard from the primary yet' })
    expect(told({ up: 1, wanted: 2, started: false })).toEqual({
      status: 'failing',
      detail: '1 of 2 processes listen',
    })
    expect(told({ up: 2, wanted: 2, started: true })).toEqual({ status: 'ok' })
    expect(told({ up: 1, wanted: 2, started: true })).toEqual({
      status: 'degraded',
      detail: '1 of 2 processes listen',
    })
  })
})

describe('stopping', () => {
  it('is the primary’s to ask for: a signal that reaches the whole group counts once', () => {
    const process = channel()
    const asked: string[] = []
    whenTold(process)((by) => void asked.push(by))
    expect(process.emit('SIGINT', 'SIGINT', 2)).toBe(true)
    expect(process.emit('SIGTERM', 'SIGTERM', 15)).toBe(true)
    expect(asked).toEqual([])
    process.emit('message', { word: 'stop', asked: 'SIGINT' }, undefined)
    process.emit('message', undefined, undefined)
    expect(asked).toEqual(['SIGINT'])
  })
})
