/** Tries the promise in a process of its own whose code has one mistake in it: `node mutant.ts INDEX`. */
import { registerHooks } from 'node:module'
import fc from 'fast-check'
import { mistakes } from './mistakes.ts'

/** Enough for each, with this seed; most are noticed within fifty, the rarest needs two thousand. */
const COURSES = { numRuns: 4000, seed: 1, endOnFailure: true }

const mistake = mistakes[Number(process.argv[2])]
let made = false

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!mistake || !url.endsWith(`/${mistake.file}`)) return loaded
    const source = String(loaded.source)
    made = source.split(mistake.code).length === 2
    return { ...loaded, source: source.replace(mistake.code, () => mistake.instead) }
  },
})

const { giveHostsTheirTimers } = await import('./host.ts')
const { promise } = await import('./course.ts')
giveHostsTheirTimers()
const { failed, numRuns, errorInstance } = await fc.check(promise, COURSES)
process.stdout.write(JSON.stringify({ made, noticed: failed, courses: numRuns, by: String(errorInstance) }))
process.exit()
