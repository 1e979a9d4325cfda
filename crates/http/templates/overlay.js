// The overlay page: shows what `/data` names and reports each display once. It survives every failure without a reload,
// because it runs inside OBS (Chromium 103 and later) during a live stream, where nobody reloads it.
(() => {
  'use strict';

  const POLL = 5000;
  const PING = 30000;
  const REQUEST_LIMIT = 10000;
  const GRACE = REQUEST_LIMIT + POLL; // an answer may outlive its slot by this while the next one is requested
  const LIFE_WITHOUT_SLOT = 60000; // how long an answer without an end lasts if the server is silent
  const RECEIPT_LIFE = 600000; // how long a receipt is valid after its decision has ended
  const LONGEST_WAIT = 600000; // the longest Retry-After that is obeyed
  const CLICK_ATTEMPTS = 4;

  const box = document.getElementById('overlay');
  // Relative to the page, so that a proxy may serve it under any prefix.
  const page = location.pathname.replace(/\/+$/, '');
  const pingUrl = `${page}/ping`;

  let state = null; // the answer in force; null: nothing may be shown
  let stateEnds = 0; // in server time
  let expiry; // timer that ends an answer that is not confirmed any more
  let pollFailures = 0;
  let clockSkew = 0; // server time − local time

  const serverNow = () => Date.now() + clockSkew;
  const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
  // 5–10 s, 10–20 s, 20–40 s, then 30–60 s. The time is random, so that not all pages ask a restarted server at once.
  const backOff = (failures) => Math.min(30000, 5000 * 2 ** (failures - 1)) * (1 + Math.random());

  // ---- Requests

  async function request(url, options) {
    const abort = new AbortController();
    const limit = setTimeout(() => abort.abort(), REQUEST_LIMIT);
    try {
      const response = await fetch(url, { cache: 'no-store', ...options, signal: abort.signal });
      const date = Date.parse(response.headers.get('Date'));
      if (date) clockSkew = date + 500 - Date.now(); // the header has whole seconds, so half a second is added
      const text = await response.text(); // the limit applies to the body, too
      return { status: response.status, text, retryAfter: retryAfter(response.headers.get('Retry-After')) };
    } finally {
      clearTimeout(limit);
    }
  }

  function retryAfter(header) {
    const wait = /^\d+$/.test(header) ? header * 1000 : Date.parse(header) - serverNow();
    return Math.min(wait || 0, LONGEST_WAIT);
  }

  // Sends an event until the server has answered it (a 4xx is an answer, too) or `worthwhile` returns false.
  async function deliver(url, body, worthwhile) {
    const headers = { 'Content-Type': 'application/json' };
    const options = { method: 'POST', headers, body: JSON.stringify(body) };
    for (let failures = 1; ; failures += 1) {
      let wait = backOff(failures);
      try {
        const answer = await request(url, options);
        if (answer.status < 500 && ![408, 425, 429].includes(answer.status)) return;
        wait = Math.max(wait, answer.retryAfter);
      } catch {
        // There is no connection: try again.
      }
      await sleep(wait);
      if (!worthwhile(failures)) return;
    }
  }

  // ---- What is in force

  // Requests `/data` once and returns the time until the next request.
  async function poll() {
    const known = state;
    let wait = 0;
    try {
      const headers = known ? { 'If-None-Match': `"${known.version}"` } : {};
      const answer = await request(`${page}/data`, { headers });
      wait = answer.retryAfter;
      if (answer.status === 404) enforce(null);
      if (answer.status === 304 && known) return accept(known);
      if (answer.status === 200) return accept(JSON.parse(answer.text));
    } catch {
      // There is no connection, or something other than the server has answered.
    }
    return Math.max(wait, failed());
  }

  function accept(answer) {
    if (!answer || !['campaign', 'test', 'empty'].includes(answer.kind)) throw new TypeError('not overlay data');
    const slotEnd = Date.parse(answer.slotEnd);
    stateEnds = slotEnd || serverNow() + LIFE_WITHOUT_SLOT;
    enforce(answer);
    expireAfter(GRACE);
    pollFailures = 0;
    const left = stateEnds - serverNow();
    // The slots of many streamers end at the same time, so the requests for the next one are spread.
    return left > 0 && left < POLL ? left + 500 + 1000 * Math.random() : POLL;
  }

  // The content may stay until the end of its slot and no longer, because after that its display is credited to nobody.
  function failed() {
    pollFailures += 1;
    expireAfter(0);
    return backOff(pollFailures);
  }

  function expireAfter(grace) {
    clearTimeout(expiry);
    const left = Math.max(stateEnds - serverNow(), 0) + grace;
    expiry = setTimeout(enforce, Math.min(left, 0x7fffffff), null);
  }

  function enforce(next) {
    state = next;
    showMedia(next && next.mediaType, next && safeUrl(next.mediaUrl));
    if (next) dress(next); // also if the media stays the same
    noteDisplay();
  }

  // ---- What is on screen

  let mediaKey = '';
  let mediaFailures = 0;
  let mediaRetry;

  function safeUrl(text) {
    try {
      const url = new URL(text.trim() || 'none:', location.href); // an empty address would mean the page itself
      return ['http:', 'https:'].includes(url.protocol) ? url.href : null;
    } catch {
      return null;
    }
  }

  // If the next slot has the same media, the media continues without a flicker.
  function showMedia(type, url) {
    const key = url && ['image', 'video'].includes(type) ? `${type} ${url}` : '';
    if (key === mediaKey) return;
    mediaKey = key;
    mediaFailures = 0;
    clearTimeout(mediaRetry);
    clearMedia();
    if (key) loadMedia(type, url);
  }

  function clearMedia() {
    const old = box.firstChild;
    delete box.dataset.shown;
    box.replaceChildren();
    if (!old) return;
    old.removeAttribute('src');
    if (old.load) old.load(); // only this frees the download and the decoder of a video
  }

  function loadMedia(type, url) {
    const video = type === 'video';
    const media = document.createElement(video ? 'video' : 'img');
    if (video) Object.assign(media, { autoplay: true, muted: true, loop: true, playsInline: true });
    media.addEventListener(video ? 'playing' : 'load', () => {
      if (!media.isConnected) return;
      mediaFailures = 0;
      box.dataset.shown = '';
      noteDisplay();
    });
    media.addEventListener('error', () => {
      if (!media.isConnected) return;
      clearMedia();
      mediaFailures += 1;
      mediaRetry = setTimeout(loadMedia, backOff(mediaFailures), type, url);
    });
    media.src = url;
    box.append(media);
    dress(state);
  }

  // Applies everything that may change without a reload of the media.
  function dress({ title, overlaySettings }) {
    const { position, size, opacity, backgroundColor } = overlaySettings || {};
    box.dataset.position = position || '';
    box.dataset.size = size || '';
    box.style.opacity = (opacity || 80) / 100;
    box.style.backgroundColor = 'transparent'; // remains if the next value is not a colour
    box.style.backgroundColor = backgroundColor;
    const media = box.firstChild;
    if (media) media.setAttribute('alt' in media ? 'alt' : 'aria-label', title || '');
  }

  // ---- What is reported

  // OBS reports only changes, so a page without a report counts as being on air.
  const onAir = { active: true, visible: true };
  const reported = new Set();
  let frame;

  // Runs in an animation frame, because the browser draws frames only while it renders the page.
  function noteDisplay() {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      if (!state || state.kind !== 'campaign' || reported.has(state.decisionId)) return;
      const drawn = 'shown' in box.dataset && box.offsetWidth > 0 && box.offsetHeight > 0;
      if (!drawn || !onAir.active || !onAir.visible || document.visibilityState === 'hidden') return;
      reported.add(state.decisionId);
      reportDisplay(state);
    });
  }

  // Reports a display at once and by a ping, because front ends of the previous system forward only the page, /data, /ping
  // and /click.
  function reportDisplay({ decisionId, receipt }) {
    let lastInForce = Date.now();
    return deliver(pingUrl, { receipt }, () => {
      if (state && state.decisionId === decisionId) lastInForce = Date.now();
      return Date.now() - lastInForce < RECEIPT_LIFE;
    });
  }

  function obsSays(event, key) {
    window.addEventListener(event, ({ detail }) => {
      onAir[key] = !detail || detail[key] !== false;
      noteDisplay();
    });
  }
  obsSays('obsSourceActiveChanged', 'active');
  obsSays('obsSourceVisibleChanged', 'visible');
  document.addEventListener('visibilitychange', noteDisplay);

  // Only the streamer can click an overlay, with "Interact" in OBS. Viewers cannot reach it.
  box.addEventListener('click', () => {
    if (!state) return;
    // randomUUID exists only in secure contexts, and many overlays are served by plain HTTP.
    const random = crypto.getRandomValues(new Uint8Array(16));
    const eventId = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const receipt = state.receipt || undefined;
    deliver(`${page}/click`, { receipt, eventId }, (failures) => failures < CLICK_ATTEMPTS);
  });

  const ping = () => request(pingUrl, { method: 'POST' }).catch(() => {}); // the next ping follows soon
  ping();
  setInterval(ping, PING);

  // ---- Start

  async function run() {
    let wait;
    try {
      wait = accept(JSON.parse(document.getElementById('state').textContent));
    } catch {
      wait = failed(); // the page contains no answer: the token is unknown or the store does not answer
    }
    for (;;) {
      await sleep(wait);
      wait = await poll();
    }
  }
  run();
})();
