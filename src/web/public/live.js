// Keeps what a page shows fresh: the server tells what changes, by the keys of the elements that show it (show.js writes
// it there). New rows are counted, and come when asked for.
//
// All tabs of one browser share one stream: one tab holds it and passes on what it hears.

const { live: url, liveAs: user, alertIcon } = document.body.dataset
const main = document.querySelector('main')

const LEAD_MS = 1_000
/** A leader that has not said so for this long is gone. */
const LEAD_FOR_MS = 4_000
const FIRST_BYTE_MS = 5_000
const REFUSED_MS = 1_000
const STREAM_AGAIN_MS = 60_000
const POLL_MS = 2_000
const MAX_POLL_MS = 10_000
/** The server is heard each 15 seconds. */
const SILENCE_MS = 40_000
const ANNOUNCE_MS = 10_000

const format = new Intl.NumberFormat('en-US').format

/** What is told, by key; and what it was when the page was made. */
const values = new Map()
let base

// ---- What the page shows ----

/** A key that ends in a colon goes on with that of the row. */
function keyOf(element) {
  const key = element.dataset.live
  return key.endsWith(':') ? key + element.closest('[data-live-id]')?.dataset.liveId : key
}

function showAll() {
  for (const element of document.querySelectorAll('[data-live]')) {
    const key = keyOf(element)
    if (!values.has(key)) continue
    const detail = { key, value: values.get(key) }
    element.dispatchEvent(new CustomEvent('resque:value', { detail, bubbles: true }))
  }
  showNews()
  showFailures()
}

// ---- What is new ----

const things = { queue: 'queue', job: 'job', worker: 'worker', failed: 'failure' }

function grown(key) {
  return Math.max(0, (values.get(key) ?? 0) - (base.get(key) ?? 0))
}

function countNews(kind) {
  if (kind === 'failed') return grown(main.dataset.liveCount ?? 'count:failed')
  let count = 0
  for (const [key, value] of values) {
    if (value === null || !key.startsWith(`${kind}:`)) continue
    if (kind === 'job' ? base.get(key) !== value : (base.get(key) ?? null) === null) count++
  }
  return count
}

function plural(count, what) {
  return `${format(count)} new ${what}${count === 1 ? '' : 's'}`
}

let news

function showNews() {
  const kind = main?.dataset.liveList
  if (!kind || !base) return
  const count = countNews(kind)
  if (count === 0) {
    news?.remove()
    news = undefined
    return
  }
  if (!news) {
    news = document.createElement('button')
    news.type = 'button'
    news.className = 'live-news'
    news.addEventListener('click', () => document.dispatchEvent(new CustomEvent('resque:show')))
    // Where its place is kept: what is read below must not move.
    bar.before(news)
  }
  const text = `${plural(count, things[kind])} – show`
  if (news.textContent !== text) news.textContent = text
}

document.addEventListener('resque:replaced', () => {
  base = new Map(values)
  showAll()
})

const title = document.title.replace(/^\([\d,]+\) /, '')
const hasBadge = main?.dataset.liveBadge !== undefined
const icon = document.querySelector('link[rel=icon]')
const plainIcon = icon?.getAttribute('href')

function showFailures() {
  if (!base) return
  const risen = grown('count:failed')
  const count = hasBadge ? values.get('count:failed') : risen
  const text = count > 0 ? `(${format(count)}) ${title}` : title
  if (document.title !== text) document.title = text
  const wanted = risen > 0 ? alertIcon : plainIcon
  if (icon && wanted && icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted)
  if (risen > 0) announce(`${plural(risen, 'failure')}, ${format(values.get('count:failed'))} in all`)
}

const speaker = document.querySelector('[data-live-news]')
let spokeAt = -ANNOUNCE_MS
let toSay
let sayTimer

/** Read out politely, and not more often than one can listen. */
function announce(text) {
  if (!speaker || toSay === text) return
  toSay = text
  if (sayTimer !== undefined) return
  sayTimer = setTimeout(
    () => {
      sayTimer = undefined
      spokeAt = performance.now()
      speaker.textContent = toSay
    },
    Math.max(0, spokeAt + ANNOUNCE_MS - performance.now()),
  )
}

// ---- How fresh it is ----

const bar = document.querySelector('[data-live-bar]')
const stateText = bar?.querySelector('[data-live-state]')
const pauseButton = bar?.querySelector('[data-live-pause]')
let isPaused = remembered('resque-live-paused') === 'yes'
let staleSince
let heardAt = performance.now()

function remembered(name) {
  try {
    return sessionStorage.getItem(name)
  } catch {
    return null
  }
}

function setState(state, text) {
  if (!bar || (bar.dataset.state === state && stateText.textContent === text)) return
  bar.dataset.state = state
  stateText.textContent = text
}

function setFresh() {
  staleSince = undefined
  heardAt = performance.now()
  if (!isPaused) setState('live', 'Live')
}

function setStale(since = new Date()) {
  staleSince ??= since
  if (!isPaused) setState('stale', `Stale since ${staleSince.toLocaleTimeString()}`)
}

function receive(event, data) {
  if (event === 'stale') return setStale(new Date(data.since))
  if (event !== 'beat') {
    if (event === 'state') {
      for (const key of values.keys()) if (!(key in data)) values.set(key, null)
    }
    for (const key in data) values.set(key, data[key])
    base ??= new Map(values)
    showAll()
  }
  if (!staleSince || event === 'state') setFresh()
  else heardAt = performance.now()
}

// ---- Where it comes from ----

/** What the page shows, and with it what has to be told. */
const wanted = new Set(['counts'])
for (const element of document.querySelectorAll('[data-live]')) {
  const [kind] = element.dataset.live.split(':')
  if (/^(queue|failed|in|out|oldest|taken)$/.test(kind)) wanted.add('queues')
  else if (kind !== 'count') wanted.add('workers')
}
if (main?.dataset.liveList === 'queue' || main?.dataset.liveCount) wanted.add('queues')
if (/^(job|worker)$/.test(main?.dataset.liveList ?? '')) wanted.add('workers')

let source
let firstByte
let pollTimer
let etag
let pollMs = POLL_MS
let isOut = false
/** A proxy that holds streams back does so for the next one too; a server that has none left may have one later. */
let pollsUntil = 0

function pass(event, data) {
  receive(event, data)
  bus?.postMessage({ event, data })
}

function openSource() {
  if (performance.now() < pollsUntil) return void poll()
  source = new EventSource(`${url}?topics=${[...wanted].join()}`)
  firstByte = setTimeout(fallBack, FIRST_BYTE_MS, Number.POSITIVE_INFINITY)
  for (const event of ['state', 'change', 'stale', 'beat']) {
    source.addEventListener(event, ({ data }) => {
      clearTimeout(firstByte)
      pass(event, JSON.parse(data))
    })
  }
  source.addEventListener('error', () => {
    if (source?.readyState !== EventSource.CLOSED) return setStale()
    // A page that is left loses its stream too: then this never comes about.
    clearTimeout(firstByte)
    firstByte = setTimeout(fallBack, REFUSED_MS, performance.now() + STREAM_AGAIN_MS)
  })
}

function fallBack(until) {
  closeSource()
  pollsUntil = until
  void poll()
}

function closeSource() {
  source?.close()
  source = undefined
  clearTimeout(firstByte)
  clearTimeout(pollTimer)
  pollTimer = undefined
}

async function poll() {
  clearTimeout(pollTimer)
  let waitMs = MAX_POLL_MS
  try {
    const response = await fetch(`${url}.json?topics=${[...wanted].join()}`, {
      cache: 'no-store',
      headers: etag ? { 'if-none-match': etag } : {},
      redirect: 'error',
    })
    if (response.status === 200) {
      etag = response.headers.get('etag')
      waitMs = pollMs = POLL_MS
      pass('state', await response.json())
    } else if (response.status === 304) {
      waitMs = pollMs = Math.min(MAX_POLL_MS, pollMs * 1.3)
      pass('beat', {})
    } else if (response.status === 401 || response.status === 403) {
      isOut = true
      stopLeading()
      return setState('out', 'Signed out: load the page again')
    } else setStale()
  } catch {
    setStale()
  }
  if (isLeader) pollTimer = setTimeout(openSource, waitMs)
}

// ---- One tab for all ----

const me = `${Date.now()}.${Math.random()}`
const place = `resque-live:${url}:${user}`
const bus = 'BroadcastChannel' in window ? new BroadcastChannel(place) : undefined
let isLeader = false

/** The tab that leads, as far as can be told; undefined where nobody does. */
function leader() {
  try {
    const { id, at } = JSON.parse(localStorage.getItem(place) ?? '{}')
    return Math.abs(Date.now() - at) < LEAD_FOR_MS ? id : undefined
  } catch {
    return undefined
  }
}

function claim() {
  try {
    localStorage.setItem(place, JSON.stringify({ id: me, at: Date.now() }))
    return true
  } catch {
    return false
  }
}

function tick() {
  if (isPaused || isOut || document.hidden) return
  const now = leader()
  if (now !== undefined && now !== me && bus) {
    if (isLeader) stopLeading()
    else if (performance.now() - heardAt > SILENCE_MS) setStale()
    return
  }
  const canShare = claim() && bus
  if (isLeader) {
    if (source && performance.now() - heardAt > SILENCE_MS) {
      setStale()
      heardAt = performance.now()
      closeSource()
      openSource()
    }
    return
  }
  isLeader = true
  heardAt = performance.now()
  // Two may have claimed it at once: the last one has it.
  setTimeout(
    () => {
      if (!isLeader || (canShare && leader() !== me)) isLeader = false
      else openSource()
    },
    canShare ? 40 + Math.random() * 60 : 0,
  )
}

function stopLeading() {
  closeSource()
  if (!isLeader) return
  isLeader = false
  try {
    if (leader() === me) localStorage.removeItem(place)
  } catch {
    // Nothing is kept here, so nobody else waits for it.
  }
  bus?.postMessage({ event: 'resign' })
}

function join() {
  bus?.postMessage({ event: 'hello', topics: [...wanted] })
  tick()
}

bus?.addEventListener('message', ({ data: { event, data, topics } }) => {
  if (event === 'hello') {
    if (!isLeader) return
    const more = topics.filter((topic) => !wanted.has(topic))
    for (const topic of more) wanted.add(topic)
    if (more.length > 0 && (source || pollTimer)) {
      closeSource()
      etag = undefined
      openSource()
    } else if (values.size > 0) {
      const known = [...values].filter(([, value]) => value !== null)
      bus.postMessage({ event: 'state', data: Object.fromEntries(known) })
      if (staleSince) bus.postMessage({ event: 'stale', data: { since: staleSince.toISOString() } })
    }
  } else if (event === 'resign') setTimeout(tick, Math.random() * 100)
  else if (!isPaused && !isLeader) receive(event, data)
})

function setPaused(paused) {
  isPaused = paused
  try {
    sessionStorage.setItem('resque-live-paused', paused ? 'yes' : '')
  } catch {
    // Then it holds for this page.
  }
  pauseButton.textContent = paused ? 'Resume' : 'Pause'
  pauseButton.setAttribute('aria-label', paused ? 'Resume live updates' : 'Pause live updates')
  if (paused) {
    stopLeading()
    setState('paused', 'Paused')
  } else {
    setState('waiting', 'Connecting')
    join()
  }
}

if (url && bar) {
  bar.classList.add('is-there')
  pauseButton.addEventListener('click', () => setPaused(!isPaused))
  setPaused(isPaused)
  setInterval(tick, LEAD_MS)
  document.addEventListener('visibilitychange', () => (document.hidden ? stopLeading() : join()))
  addEventListener('pagehide', stopLeading)
  addEventListener('pageshow', ({ persisted }) => persisted && join())
}
