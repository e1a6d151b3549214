// Writes what live.js hears into the elements that show it. Text alone is changed: rows never move, and never go while
// somebody reads them.

const format = new Intl.NumberFormat('en-US').format

document.addEventListener('resque:value', ({ target, detail: { key, value } }) => show(target, key, value))

const icons = {
  busy: '▶',
  idle: '○',
  paused: '‖',
  stopping: '◼',
  lost: '✕',
  failed: '✕',
  done: '✓',
  open: '•',
}

function write(element, text) {
  if (element.textContent === text) return
  element.textContent = text
  if (matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden) return
  element.animate([{ opacity: 0.35 }, { opacity: 1 }], 600)
}

function writeStatus(element, word) {
  const status = element.matches('.status') ? element : element.querySelector('.status')
  const [icon] = status?.children ?? []
  if (!icon) return write(element, word)
  if (status.dataset.word === word) return
  status.dataset.word = word
  status.className = `status is-${word}`
  icon.textContent = icons[word] ?? ''
  icon.nextSibling.data = ` ${word}`
}

function writeMoment(element, text) {
  const time = element.matches('time') ? element : element.querySelector('time')
  const at = new Date(text)
  if (!time || Number.isNaN(at.getTime()) || time.dateTime === at.toISOString()) return
  time.dateTime = at.toISOString()
  time.title = `${time.dateTime.slice(0, 19).replace('T', ' ')} UTC`
  document.dispatchEvent(new CustomEvent('resque:shown', { detail: time }))
}

/** A job that ends while its row is read stays, and is said to have ended. */
function writeJob(element, runAt) {
  const hasEnded = runAt !== element.dataset.liveValue
  element.closest('tr')?.classList.toggle('is-gone', hasEnded)
  let note = element.querySelector('.live-note')
  if (!note && !hasEnded) return
  if (!note) {
    note = document.createElement('span')
    note.className = 'live-note faint'
    element.append(note)
  }
  write(note, hasEnded ? ' · ended' : '')
}

/** A text whose sign says that it warns; a state where it is the word of one. */
function writeSaid(element, text) {
  const icon = icons[text]
  if (element.textContent === (icon ? `${icon} ${text}` : text)) return
  const span = document.createElement('span')
  span.className = icon ? 'status' : text[0] === '⚠' ? 'warning' : /\d/.test(text) ? 'num' : 'faint'
  if (icon) {
    const sign = document.createElement('span')
    sign.ariaHidden = 'true'
    span.append(sign, ' ')
    writeStatus(span, text)
  } else span.textContent = text
  element.replaceChildren(span)
}

/** What a process works on, with since when as long as that is so. */
function writeDoing(element, value) {
  if (value === element.dataset.liveValue) return
  element.dataset.liveValue = value
  element.className = value === '–' ? 'blank' : 'whole'
  write(element, value.split('\n')[0])
}

const figures = /^(in|out|oldest|taken|memory|delay|doing)$/

function show(element, key, value) {
  const kind = key.slice(0, key.indexOf(':'))
  if (kind === 'job') return writeJob(element, value)
  // A figure that is not known any more.
  if (value === null && figures.test(kind)) {
    delete element.dataset.liveValue
    return write(element, '–')
  }
  if (value === null) {
    element.closest('tr')?.classList.add('is-gone')
    return kind === 'worker' || kind === 'process' ? writeStatus(element, 'gone') : write(element, 'gone')
  }
  element.closest('tr.is-gone')?.classList.remove('is-gone')
  if (kind === 'worker' || kind === 'process') return writeStatus(element, value)
  if (kind === 'taken' || kind === 'delay') return writeSaid(element, value)
  if (kind === 'doing') return writeDoing(element, value)
  if (kind === 'beat') return writeMoment(element, value)
  if (typeof value !== 'number') return write(element, value)
  write(element.querySelector('.num') ?? element, value < 0 ? '?' : format(value))
  element.closest('[data-fails]')?.classList.toggle('is-failed', value > 0)
}
