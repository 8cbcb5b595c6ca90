/** The methods that a route may take. */
import { choice } from '@spillway/service'

export const METHODS = choice(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], { about: 'HEAD goes with GET.' })
