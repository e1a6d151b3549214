/**
 * The name of every key, in one place. What each holds: protocol section 2; the last group is our own.
 */
export class Keys {
  readonly prefix: string

  constructor(readonly namespace: string) {
    this.prefix = `${namespace}:`
    this.queues = `${this.prefix}queues`
    this.workers = `${this.prefix}workers`
    this.heartbeats = `${this.prefix}workers:heartbeat`
    this.pauseAll = `${this.prefix}pause-all-workers`
    this.rubyPruneLock = `${this.prefix}pruning_dead_workers_in_progress`
    this.failed = `${this.prefix}failed`
    this.failedQueues = `${this.prefix}failed_queues`
    this.pausedQueues = `${this.prefix}queues:paused`
    this.deaths = `${this.prefix}deaths`
    this.kinds = `${this.prefix}workers:kind`
    this.orders = `${this.prefix}workers:orders`
    this.hands = `${this.prefix}hands`
    this.pruneTurn = `${this.prefix}workers:prune`
    this.delayedTimes = `${this.prefix}delayed_queue_schedule`
    this.lastEnqueued = `${this.prefix}delayed:last_enqueued_at`
    this.schedules = `${this.prefix}persistent_schedules`
    this.schedulesChanged = `${this.prefix}schedules_changed`
    this.pausedBy = `${this.prefix}web:paused`
    this.audit = `${this.prefix}web:audit`
    this.operations = `${this.prefix}web:ops`
    this.runningOperations = `${this.prefix}web:ops:running`
  }

  // Ruby's.
  /** Set of queue names. */
  readonly queues: string
  /** Set of worker ids. */
  readonly workers: string
  /** Hash: worker id → ISO 8601 seconds with numeric offset, from Redis' clock. */
  readonly heartbeats: string
  /** String: `true` pauses every worker. */
  readonly pauseAll: string
  /** String with expiry: the worker that prunes. */
  readonly rubyPruneLock: string
  /** List of failed records, newest last. */
  readonly failed: string
  /** Set of names of per-queue failed lists. */
  readonly failedQueues: string
  // resque-scheduler's.
  /** Sorted set of unix seconds: the times at which something is delayed until. */
  readonly delayedTimes: string
  /** Hash: name of a schedule → when it last enqueued. */
  readonly lastEnqueued: string
  /** Hash: name of a schedule → its JSON. */
  readonly schedules: string
  /** Set of the names that a scheduler is to read again. */
  readonly schedulesChanged: string

  // Ours.
  /** Set of the names of paused queues. */
  readonly pausedQueues: string
  /** Hash: SHA-1 of queue and payload → how many processes died of it; with `:by` after it → the mark of the last. */
  readonly deaths: string
  /** Hash: id of a worker of ours → JSON of what others must know of it. A worker that is not in it is Ruby's. */
  readonly kinds: string
  /** Hash: id of the first slot of a process → what it is told to do, until it did. */
  readonly orders: string
  /** Hash: a hand that is open → the queue it waits on. */
  readonly hands: string
  /** String with expiry: whose turn it is to look for the dead. */
  readonly pruneTurn: string
  /** Hash: `queue:<name>` of a paused queue, or `all` → who paused it, and when. */
  readonly pausedBy: string
  /** Sorted set: who did what on the web pages. */
  readonly audit: string
  /** Sorted set: ids of the operations of the web pages, by when they began. */
  readonly operations: string
  /** Set of the ids of those that have not ended. */
  readonly runningOperations: string

  queue(name: string): string {
    return `${this.prefix}queue:${name}`
  }
  /** The queue whose key this is, or undefined. */
  queueOfKey(key: string): string | undefined {
    const start = `${this.prefix}queue:`
    return key.startsWith(start) ? key.slice(start.length) : undefined
  }
  worker(id: string): string {
    return `${this.prefix}worker:${id}`
  }
  started(id: string): string {
    return `${this.prefix}worker:${id}:started`
  }
  /** List: the job that Redis has put into a hand; or a string, over which it puts none. */
  hand(name: string): string {
    return `${this.prefix}hand:${name}`
  }
  stat(name: string): string {
    return `${this.prefix}stat:${name}`
  }
  /** String with expiry: the name of the user whose session it is. */
  webSession(digest: string): string {
    return `${this.prefix}web:session:${digest}`
  }
  /** String with expiry: what a form that was sent was answered. */
  once(id: string): string {
    return `${this.prefix}web:once:${id}`
  }
  /** Of history: `history-layout.ts`. */
  metrics(name: string): string {
    return `${this.prefix}metrics:${name}`
  }
  /** The list of jobs that are delayed until a unix second. */
  delayed(time: number): string {
    return `${this.prefix}delayed:${time}`
  }
  /** Set of the lists (`delayed:<unix second>`) that this very entry is in. */
  delayedTimesOf(entry: string): string {
    return `${this.prefix}timestamps:${entry}`
  }
  /** Hash: an operation of the web pages. */
  operation(id: string): string {
    return `${this.prefix}web:op:${id}`
  }
  /** List: the entries an operation is to act on, a hundred an element. */
  operationRefs(id: string): string {
    return `${this.prefix}web:op:${id}:refs`
  }
  /** Hash: what an operation removed; its parts are lists, `<this>:<number>`. */
  trash(id: string): string {
    return `${this.prefix}web:trash:${id}`
  }
  /** A failed list by its name: `failed`, or `<queue>_failed`. */
  failedList(name: string): string {
    return `${this.prefix}${name}`
  }
}
