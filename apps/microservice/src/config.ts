/** The microservice's settings. */
import { type ConfigOf, cachingSettings, commonSettings, duration, port, whole } from '@spillway/service'

export const settings = {
  ...commonSettings,
  ...cachingSettings,
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 5001 }),
  PROCESSES: whole({ about: 'How many processes work; 0: one a core.', minimum: 0, maximum: 256, default: 0 }),
  PROCESS_LATENCY: duration({
    about: 'Added before the work of /process, as if it called something slow.',
    default: '0s',
  }),
}
export type Config = ConfigOf<typeof settings>
