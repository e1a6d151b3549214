/**
 * What changes, sent to those who look: one poller for all viewers, which rests while there are none. Each viewer
 * first gets all of what he may see, then what has changed since; a text is made once for all viewers of one user.
 */
import { Refusal } from './access/refusal.js'
import type { WebUser } from './access/user.js'
import { changesBetween, isQuiet, type LiveState, type Topic, topics } from './live-state.js'

/** Between two looks, and where nothing has changed for a while. */
const LOOK_MS = 2_000
const IDLE_MS = 10_000
const LOOKS_UNTIL_IDLE = 5

/** A line that says nothing, so that whatever lies between keeps the connection; and a look at whether he is known. */
const HEARTBEAT_MS = 15_000
const HEARTBEAT = ':\nevent: beat\ndata: {}\n\n'

/** A stream is ended after this long: the browser comes again, and whoever guards the way sees him again. */
const STREAM_MS = 600_000

const MAX_OF_USER = 6
const MAX_VIEWERS = 200

export interface Viewer {
  user: WebUser
  topics: ReadonlySet<Topic>
  /** False where he takes nothing any more. */
  send(text: string): boolean
  end(): void
  /** Whether he would still be let in. */
  isKnown(): Promise<boolean>
}

interface Place {
  viewer: Viewer
  channel: Channel
  since: number
}

/** All viewers of one user see the same. */
interface Channel {
  user: WebUser
  state: LiveState | undefined
  places: Set<Place>
}

interface Looks {
  look(): Promise<(user: Pick<WebUser, 'sees' | 'seesAll'>) => LiveState>
}

export class Live {
  readonly #looks: Looks
  readonly #warn: (error: unknown) => void
  readonly #channels = new Map<string, Channel>()
  #timer: NodeJS.Timeout | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #quietLooks = 0
  #isLooking = false
  /** Since when Redis has not answered. */
  #staleSince: Date | undefined
  #isClosed = false

  constructor(options: { looks: Looks; warn(error: unknown): void }) {
    this.#looks = options.looks
    this.#warn = options.warn
  }

  get viewerCount(): number {
    let count = 0
    for (const { places } of this.#channels.values()) count += places.size
    return count
  }

  /** Lets a viewer in, and returns what lets him out. Refuses one too many. */
  open(viewer: Viewer): () => void {
    if (this.#isClosed) throw new Refusal(503, 'These pages are closing.')
    const key = keyOf(viewer.user)
    const channel = this.#channels.get(key) ?? { user: viewer.user, state: undefined, places: new Set() }
    const headers = { 'retry-after': '30' }
    if (channel.places.size >= MAX_OF_USER) {
      throw new Refusal(429, `Each user has at most ${MAX_OF_USER} live streams.`, { headers })
    }
    if (this.viewerCount >= MAX_VIEWERS) {
      throw new Refusal(503, `There are ${MAX_VIEWERS} live streams already.`, { headers })
    }
    const place: Place = { viewer, channel, since: performance.now() }
    this.#channels.set(key, channel)
    channel.places.add(place)
    viewer.send(`retry: ${LOOK_MS}\n: resque\n\n`)
    if (channel.state) viewer.send(message('state', channel.state, viewer.topics))
    if (this.#staleSince) viewer.send(staleMessage(this.#staleSince))
    if (this.#heartbeat === undefined) {
      this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS)
      this.#heartbeat.unref()
    }
    if (!channel.state) this.#wake()
    return () => this.#leave(place)
  }

  /** Something was changed here: those who look should soon see it. */
  wake(): void {
    if (this.#channels.size > 0 && !this.#isClosed) this.#wake()
  }

  close(): void {
    this.#isClosed = true
    for (const { places } of [...this.#channels.values()]) for (const place of [...places]) this.#end(place)
  }

  #end(place: Place): void {
    this.#leave(place)
    place.viewer.end()
  }

  #leave(place: Place): void {
    const { channel } = place
    if (!channel.places.delete(place)) return
    if (channel.places.size > 0) return
    this.#channels.delete(keyOf(channel.user))
    if (this.#channels.size > 0) return
    clearTimeout(this.#timer)
    clearInterval(this.#heartbeat)
    this.#timer = this.#heartbeat = undefined
    this.#quietLooks = 0
    this.#staleSince = undefined
  }

  #wake(): void {
    this.#quietLooks = 0
    this.#schedule(0)
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), ms)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    // One at a time: whoever came meanwhile is served by the one that follows.
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const see = await this.#looks.look()
      this.#staleSince = undefined
      let isQuiet = true
      for (const channel of this.#channels.values()) isQuiet = this.#tell(channel, see) && isQuiet
      this.#quietLooks = isQuiet ? this.#quietLooks + 1 : 0
    } catch (error) {
      this.#trouble(error)
    } finally {
      this.#isLooking = false
    }
    if (this.#channels.size === 0) return
    const isNewcomer = [...this.#channels.values()].some(({ state }) => state === undefined)
    if (isNewcomer && !this.#staleSince) this.#schedule(0)
    else this.#schedule(this.#quietLooks >= LOOKS_UNTIL_IDLE ? IDLE_MS : LOOK_MS)
  }

  /** Returns whether there was nothing to tell. */
  #tell(channel: Channel, see: (user: WebUser) => LiveState): boolean {
    const state = see(channel.user)
    const changes = channel.state && changesBetween(channel.state, state)
    channel.state = state
    const texts = new Map<string, string>()
    for (const place of [...channel.places]) {
      const key = [...place.viewer.topics].sort().join()
      const text =
        texts.get(key) ?? message(changes ? 'change' : 'state', changes ?? state, place.viewer.topics)
      texts.set(key, text)
      if (text !== '' && !place.viewer.send(text)) this.#end(place)
    }
    return changes !== undefined && isQuiet(changes)
  }

  #trouble(error: unknown): void {
    this.#warn(error)
    this.#quietLooks = 0
    if (this.#staleSince) return
    this.#staleSince = new Date()
    const text = staleMessage(this.#staleSince)
    for (const { places } of this.#channels.values()) {
      for (const { viewer } of places) viewer.send(text)
    }
    // What comes next is told whole: so it is fresh again.
    for (const channel of this.#channels.values()) channel.state = undefined
  }

  async #beat(): Promise<void> {
    const now = performance.now()
    const places = [...this.#channels.values()].flatMap((channel) => [...channel.places])
    for (const place of places) {
      const isOver = now - place.since > STREAM_MS
      if (isOver || !place.viewer.send(HEARTBEAT)) this.#end(place)
    }
    const known = await Promise.all(
      places.map(({ viewer }) =>
        viewer.isKnown().catch((error) => {
          // Where nobody can be asked, nothing new is seen either.
          this.#warn(error)
          return true
        }),
      ),
    )
    places.forEach((place, i) => {
      if (!known[i] && place.channel.places.has(place)) this.#end(place)
    })
  }
}

function keyOf({ by, role, name }: WebUser): string {
  return `${by} ${role} ${name}`
}

/** The topics that are asked for: all that are known, where none is named. */
export function readTopics(text: string): ReadonlySet<Topic> {
  const asked = topics.filter((topic) => text.split(',').includes(topic))
  return new Set(asked.length > 0 ? asked : topics)
}

/** An event with the part of a state that is asked for; '' where that holds nothing. */
function message(event: 'state' | 'change', state: LiveState, asked: ReadonlySet<Topic>): string {
  const part = partOf(state, asked)
  if (event === 'change' && Object.keys(part).length === 0) return ''
  return `event: ${event}\ndata: ${JSON.stringify(part)}\n\n`
}

function staleMessage(since: Date): string {
  return `event: stale\ndata: ${JSON.stringify({ since: since.toISOString() })}\n\n`
}

export function partOf(state: LiveState, asked: ReadonlySet<Topic>): LiveState[Topic] {
  return Object.assign(Object.create(null), ...[...asked].map((topic) => state[topic]))
}
