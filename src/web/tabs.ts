/**
 * The pages in the navigation, in order; a tab is added when its page is there.
 */
import type { Tab } from './context.js'

export const tabs: Tab[] = [
  { path: '/overview', label: 'Overview', role: 'viewer' },
  { path: '/working', label: 'Working', role: 'viewer' },
  { path: '/failed', label: 'Failed', role: 'viewer' },
  { path: '/queues', label: 'Queues', role: 'viewer' },
  { path: '/delayed', label: 'Delayed', role: 'viewer' },
  { path: '/schedule', label: 'Schedule', role: 'viewer' },
  { path: '/workers', label: 'Workers', role: 'viewer' },
  { path: '/stats', label: 'Stats', role: 'viewer' },
  { path: '/metrics', label: 'Metrics', role: 'viewer' },
  { path: '/audit', label: 'Audit', role: 'operator' },
]
