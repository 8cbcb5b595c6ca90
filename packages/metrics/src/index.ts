export { Counter, Gauge, Histogram, Registry } from 'prom-client'
export { measureClient } from './client.ts'
export { createRegistry, metrics } from './metrics.ts'
export { measureServer } from './server.ts'
