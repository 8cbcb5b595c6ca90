import { vi } from 'vitest'

process.stdout.write(String(vi))
