// Makes pages pleasanter that work without it: times that go on, confirmations in a dialog. It never builds markup
// from text: what it shows are nodes that the server has made, or text.

const minute = 60_000

/** The same words as the server's, for a moment that lies `ms` back. */
function age(ms) {
  if (Math.abs(ms) < 3_000) return 'now'
  return ms > 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

function duration(ms) {
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  const days = Math.floor(hours / 24)
  return days < 4 && hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`
}

/** Server and browser may disagree about the time: what counts is how long this page has been open. */
const openedAt = Date.now()
const first = new WeakMap()

function retime() {
  for (const time of document.querySelectorAll('time[data-relative]')) {
    const at = Date.parse(time.dateTime)
    if (!first.has(time)) {
      first.set(time, true)
      time.title = `${time.title} · ${new Date(at).toLocaleString()}`
    }
    const now = Date.now()
    // Fresh pages keep the server's words; they are taken over once they have aged.
    if (now - openedAt > 5_000) {
      const text = age(now - at)
      if (time.textContent !== text) time.textContent = text
    }
  }
}

retime()
setInterval(() => document.hidden || retime(), minute / 6)

/** Loads a page and gives its document. XHR parses it without running anything. */
function load(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('GET', url)
    request.responseType = 'document'
    request.timeout = 10_000
    request.onload = () =>
      request.status === 200 ? resolve(request.response) : reject(new Error(`${request.status}`))
    request.onerror = request.ontimeout = () => reject(new Error('unreachable'))
    request.send()
  })
}

/** Opens the confirm page behind a form or link as a dialog; where that fails, the page itself opens. */
async function confirmInDialog(url, opener) {
  let box
  try {
    box = (await load(url)).querySelector('[data-confirm-box]')
  } catch {
    box = null
  }
  if (!box) {
    location.assign(url)
    return
  }
  const dialog = document.createElement('dialog')
  dialog.setAttribute('aria-labelledby', 'confirm-title')
  dialog.append(document.adoptNode(box))
  dialog.addEventListener('close', () => {
    dialog.remove()
    opener?.focus()
  })
  dialog.addEventListener('click', (event) => {
    const isCancel = event.target instanceof Element && event.target.closest('[data-cancel]')
    if (!isCancel && event.target !== dialog) return
    event.preventDefault()
    dialog.close()
  })
  document.body.append(dialog)
  dialog.showModal()
  const field = dialog.querySelector('input:not([type=hidden])')
  const safe = field ?? dialog.querySelector('[data-cancel]')
  safe?.focus()
}

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
  const link = event.target instanceof Element && event.target.closest('a[data-confirm]')
  if (!link) return
  event.preventDefault()
  void confirmInDialog(link.href, link)
})

document.addEventListener('submit', (event) => {
  const form = event.target
  if (!(form instanceof HTMLFormElement)) return
  // A second click does not do it twice.
  if (form.dataset.sent !== undefined && form.method === 'post') {
    event.preventDefault()
    return
  }
  if (form.dataset.confirm !== undefined) {
    event.preventDefault()
    void confirmInDialog(form.action, event.submitter)
    return
  }
  form.dataset.sent = ''
  setTimeout(() => delete form.dataset.sent, 5_000)
})
