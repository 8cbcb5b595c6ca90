/** How V8 counts the bodies that pass through a process. */
import { setFlagsFromString } from 'node:v8'

/** The first V8 that does it by itself, and knows the flag no more. */
const [MAJOR, MINOR] = [14, 8]

/**
 * A chunk of a body lies outside V8's heap. V8 14.6, in Node 26, marks the whole heap each time another 64 MB of them have been
 * allocated: ten times a second where a gigabyte passes, for half of what that costs a balancer. With this flag they
 * count into the limit that the heap grows by (https://issues.chromium.org/issues/361124432).
 */
export function countBuffersWithHeap(v8 = process.versions.v8): void {
  const [major = 0, minor = 0] = v8.split('.').map(Number)
  if (major < MAJOR || (major === MAJOR && minor < MINOR))
    setFlagsFromString('--external-memory-accounted-in-global-limit')
}
