import { greeting } from '@planted/kit'
import { listed } from './errors.ts'

process.stdout.write(`${greeting(process.env['NAME'] ?? 'you')} ${Object.keys(listed)}\n`)
