import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StateDir, type SupervisorEntry } from './state.ts'

function folder(): string {
  const made = mkdtempSync(path.join(os.tmpdir(), 'spillway-state-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

const entry = (pid: number): SupervisorEntry => ({
  pid,
  phase: 'up',
  settings: {},
  processes: [],
  notes: [],
  handOvers: { ended: 0 },
  reloads: { ended: 0, told: [] },
})

describe('a state directory', () => {
  it('is made in an empty folder, and known again', () => {
    const state = new StateDir(folder())
    expect(state.isState).toBe(false)
    state.create()
    state.create()
    expect(new StateDir(state.path).isState).toBe(true)
  })

  it('is not made where somebody else’s files are', () => {
    const state = new StateDir(folder())
    writeFileSync(path.join(state.path, 'thesis.txt'), '')
    expect(() => state.create()).toThrow(/no Spillway state directory/)
    expect(readdirSync(state.path)).toEqual(['thesis.txt'])
  })

  it('that was deleted while the stack runs is there again with the next entry, so that the stack can be stopped', () => {
    const state = new StateDir(path.join(folder(), 'state'))
    state.create()
    state.write(entry(1), [], {})
    rmSync(state.path, { recursive: true })
    state.write(entry(1), [], {})
    expect([state.isState, state.readSupervisor(), state.readStack()?.services]).toEqual([true, entry(1), []])
  })

  it('is taken by one supervisor only', () => {
    const state = new StateDir(folder())
    expect([state.take(entry(1)), state.take(entry(2))]).toEqual([true, false])
    expect(state.readSupervisor()?.pid).toBe(1)
  })

  it('a dead supervisor’s entry can be discarded, not that of one who came meanwhile', () => {
    const state = new StateDir(folder())
    state.take(entry(1))
    expect(state.discard(entry(1))).toBe(true)
    state.take(entry(2))
    expect(state.discard(entry(1))).toBe(false)
    expect(state.readSupervisor()?.pid).toBe(2)
    expect(readdirSync(state.path)).toEqual(['supervisor.json'])
  })
})
