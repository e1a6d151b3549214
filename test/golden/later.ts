// The recordings whose subject is not built yet, by what they wait for.

export const later: Readonly<Record<string, readonly string[]>> = {
  'the scheduler: delayed jobs': [
    'delayed_enqueue_and_promote',
    'delayed_enqueue_now',
    'delayed_past_timestamp',
    'delayed_remove',
  ],
  'the scheduler: recurring jobs': ['dynamic_schedule', 'recurring_enqueue', 'scheduler_master_lock'],
  'the retry plugin': ['retry_delayed', 'retry_immediate', 'retry_success'],
  'the status plugin': ['status_job'],
}
