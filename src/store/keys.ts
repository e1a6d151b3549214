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
    this.pruneTurn = `${this.prefix}workers:prune`
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

  // Ours.
  /** Set of the names of paused queues. */
  readonly pausedQueues: string
  /** Hash: SHA-1 of queue and payload → how many processes died of it; with `:by` after it → the mark of the last. */
  readonly deaths: string
  /** Hash: id of a worker of ours → JSON of what others must know to judge it. A worker that is not in it is Ruby's. */
  readonly kinds: string
  /** String with expiry: whose turn it is to look for the dead. */
  readonly pruneTurn: string

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
  stat(name: string): string {
    return `${this.prefix}stat:${name}`
  }
  /** String with expiry: the name of the user whose session it is. */
  webSession(digest: string): string {
    return `${this.prefix}web:session:${digest}`
  }
  /** Of history: `history-layout.ts`. */
  metrics(name: string): string {
    return `${this.prefix}metrics:${name}`
  }
  /** A failed list by its name: `failed`, or `<queue>_failed`. */
  failedList(name: string): string {
    return `${this.prefix}${name}`
  }
}
