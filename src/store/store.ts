/**
 * Everything Redis holds for one namespace, behind one connection. The rest of the house reaches Redis through this.
 */
import type { RedisTarget } from '../config.js'
import { Audit } from './audit.js'
import { Connection } from './connection.js'
import { Delayed } from './delayed.js'
import { DelayedGlances } from './delayed-glance.js'
import { Entries } from './entries.js'
import { Failures } from './failures.js'
import { Glances } from './glance.js'
import { Hands } from './hands.js'
import { StoredHistory } from './history.js'
import { KeyBrowser } from './key-browser.js'
import { Keys } from './keys.js'
import { Markers } from './markers.js'
import { Onces } from './onces.js'
import { OperationRecords } from './operations.js'
import { Queues } from './queues.js'
import { Schedules } from './schedules.js'
import { Slots } from './slots.js'
import { Stats } from './stats.js'
import { Trash } from './trash.js'
import { WebSessions } from './web-sessions.js'
import { Workers } from './workers.js'

export interface StoreOptions {
  target: RedisTarget
  namespace: string
  /** Shown by `CLIENT LIST`. */
  name: string
  deadlineMs: number
}

export class Store {
  readonly connection: Connection
  readonly keys: Keys
  readonly queues: Queues
  readonly failures: Failures
  readonly workers: Workers
  readonly slots: Slots
  readonly hands: Hands
  readonly stats: Stats
  readonly glances: Glances
  readonly keyBrowser: KeyBrowser
  readonly webSessions: WebSessions
  readonly history: StoredHistory
  readonly markers: Markers
  readonly entries: Entries
  readonly trash: Trash
  readonly operations: OperationRecords
  readonly audit: Audit
  readonly onces: Onces
  readonly delayed: Delayed
  readonly delayedGlances: DelayedGlances
  readonly schedules: Schedules
  readonly options: StoreOptions

  constructor(options: StoreOptions) {
    this.options = options
    this.connection = new Connection(options)
    this.keys = new Keys(options.namespace)
    this.queues = new Queues(this.connection, this.keys)
    this.failures = new Failures(this.connection, this.keys)
    this.workers = new Workers(this.connection, this.keys)
    this.slots = new Slots(this.connection, this.keys)
    this.hands = new Hands(this.connection, this.keys)
    this.stats = new Stats(this.connection, this.keys)
    this.glances = new Glances(this.connection, this.keys)
    this.keyBrowser = new KeyBrowser(this.connection, this.keys)
    this.webSessions = new WebSessions(this.connection, this.keys)
    this.history = new StoredHistory(this.connection, this.keys)
    this.markers = new Markers(this.connection, this.keys)
    this.entries = new Entries(this.connection, this.keys)
    this.trash = new Trash(this.connection, this.keys)
    this.operations = new OperationRecords(this.connection, this.keys)
    this.audit = new Audit(this.connection, this.keys)
    this.onces = new Onces(this.connection, this.keys)
    this.delayed = new Delayed(this.connection, this.keys)
    this.delayedGlances = new DelayedGlances(this.connection, this.keys)
    this.schedules = new Schedules(this.connection, this.keys)
  }

  /** The same namespace through a connection of its own. */
  duplicate(name: string): Store {
    return new Store({ ...this.options, name })
  }

  /** Resolves when Redis answers. */
  async ping(): Promise<void> {
    await this.connection.send('ping', [])
  }

  /** Waits for the pushes under way, then ends the connection. */
  async close(): Promise<void> {
    await this.queues.drained()
    this.connection.close()
  }
}
