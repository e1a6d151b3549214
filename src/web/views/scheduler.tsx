/**
 * Says that nobody moves what waits for a time.
 */
export function NoScheduler({ what }: { what: 'delayed' | 'schedules' }) {
  return (
    <div class="notice is-warning">
      <span>
        <b>No scheduler is running.</b>{' '}
        {what === 'delayed'
          ? 'Delayed jobs stay here when their time comes, until one is started or you queue them.'
          : 'No schedule enqueues anything until one is started.'}{' '}
        It shows by the lock of a master, which nobody holds.
      </span>
    </div>
  )
}
