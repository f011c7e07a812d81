/* The source pane in the browser: focus, Escape, scrolling to the place, and the player with its transcript. */
(() => {
  'use strict';

  const AFTER_SCROLLING_MS = 4000;  // a reader who scrolls is left where he is
  let opener = null;                // what was clicked to open the pane
  let openerPlace = '';
  let turned = '';                  // which of the pane's own buttons was clicked last
  let shown = '';                   // the pane's content, as the browser knows it
  let scrolledAt = 0;
  let sought = null;                // the player whose beginning has been set, and for which opening

  const pane = () => document.querySelector('#source article.source');
  const covers = () => window.matchMedia('(max-width: 899px)').matches;
  const player = () => document.querySelector('#source .player video, #source .player audio');

  // --- opening, turning, closing ---------------------------------------------------------------

  document.addEventListener('click', (event) => {
    const at = event.target.closest && event.target.closest('[data-act="open"]');
    if (at && !at.closest('#source')) { opener = at; openerPlace = at.dataset.place || ''; }
    const turn = event.target.closest && event.target.closest('#source [data-turn]');
    turned = turn ? turn.dataset.turn : '';
  }, true);

  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    const article = pane();
    const typing = event.target.closest && event.target.closest('input, textarea, select, [contenteditable]');
    if (!article || typing || document.fullscreenElement || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    article.querySelector('[data-act="close"]').click();
  });

  const changed = () => {
    const article = pane();
    const now = article ? article.dataset.opened : '';
    if (now === shown) return;
    const before = shown;
    shown = now;
    const main = document.querySelector('#main');
    if (main) main.inert = Boolean(article) && covers();
    if (article) arrived(article, before); else left();
  };

  const arrived = (article, before) => {
    const again = article.dataset.turned && turned && (article.querySelector(`[data-turn="${turned}"]:not(:disabled)`)
      || article.querySelector('[data-turn]:not(:disabled)'));
    (again || article.querySelector('#source-heading')).focus({preventScroll: true});
    scrolledAt = 0;
    for (const line of article.querySelectorAll('.line.now')) line.classList.remove('now');
    toPlace(article);
    const picture = article.querySelector('.seen img');
    if (picture && !picture.complete) picture.addEventListener('load', () => toPlace(article), {once: true});
    begin();
  };

  const left = () => {
    stopAll();
    const same = opener && opener.isConnected ? opener
      : [...document.querySelectorAll('[data-act="open"]')].find((at) => at.dataset.place === openerPlace);
    if (same) same.focus({preventScroll: false});
    opener = null;
  };

  window.addEventListener('resize', () => {
    const main = document.querySelector('#main');
    if (main) main.inert = Boolean(pane()) && covers();
  });

  // Only the pane scrolls, never the page behind it.
  const bring = (at, smooth) => {
    const body = at && at.closest('.body');
    if (!body) return;
    const inside = at.getBoundingClientRect();
    const around = body.getBoundingClientRect();
    const head = body.querySelector('.player');
    const top = head && !head.contains(at) ? head.getBoundingClientRect().height : 0;
    const room = around.height - top;
    const wanted = inside.top - around.top - top - Math.max(0, (room - inside.height) / 3);
    body.scrollTo({top: body.scrollTop + wanted, behavior: smooth ? 'smooth' : 'instant'});
  };

  const toPlace = (article) => {
    const at = article.querySelector('.mark, mark, tr.cited, .cited, .cited-part');
    const body = article.querySelector('.body');
    if (at && !at.closest('details:not([open])')) bring(at, false); else if (body) body.scrollTop = 0;
  };

  // --- players ---------------------------------------------------------------------------------

  let last = null;
  const stopAll = () => { if (last) { last.pause(); last = null; } sought = null; };

  const begin = () => {
    const at = player();
    if (last && last !== at) stopAll();
    last = at;
    if (!at) return;
    const failed = document.querySelector('#source .player .failed');
    if (failed && !at.error) failed.hidden = true;
    if (at.readyState >= 1) start(at);
  };

  const start = (at) => {
    const opening = `${shown} ${at.currentSrc}`;
    if (at !== player() || sought === opening) return;
    sought = opening;
    const second = Number.parseFloat(at.dataset.second);
    if (!Number.isFinite(second)) return;
    at.currentTime = second;
    play(at);
  };

  const play = (at) => { const playing = at.play(); if (playing) playing.catch(() => {}); };

  // These events do not bubble, but they pass here on their way down.
  const heard = (name, what) => document.addEventListener(name, (event) => {
    if (event.target && event.target.closest && event.target.closest('#source')) what(event.target);
  }, true);

  heard('loadedmetadata', (at) => start(at));
  heard('timeupdate', (at) => follow(at));
  heard('seeked', (at) => follow(at));
  heard('error', (at) => {
    const around = at.closest('.player, .seen');
    const failed = around && around.querySelector('.failed');
    if (failed && at.tagName !== 'TRACK') failed.hidden = false;
    if (at.tagName === 'IMG') at.closest('.canvas').hidden = true;
  });
  heard('load', (at) => { if (at.tagName === 'IMG') at.closest('.canvas').hidden = false; });

  const follow = (at) => {
    if (at !== player()) return;
    let now = null;
    for (const line of document.querySelectorAll('#source .line[data-seek]:not([data-seen])')) {
      if (Number.parseFloat(line.dataset.seek) <= at.currentTime + 0.05) now = line; else break;
    }
    for (const line of document.querySelectorAll('#source .line.now')) {
      if (line !== now) { line.classList.remove('now'); line.removeAttribute('aria-current'); }
    }
    if (!now || now.classList.contains('now')) return;
    now.classList.add('now');
    now.setAttribute('aria-current', 'true');
    if (Date.now() - scrolledAt > AFTER_SCROLLING_MS) bring(now, !window.matchMedia('(prefers-reduced-motion: reduce)').matches);
  };

  document.addEventListener('click', (event) => {
    const line = event.target.closest && event.target.closest('#source .line[data-seek]');
    const at = player();
    if (!line || !at) return;
    at.currentTime = Number.parseFloat(line.dataset.seek);
    play(at);
  });

  for (const name of ['wheel', 'touchmove']) {
    document.addEventListener(name, (event) => {
      if (event.target.closest && event.target.closest('#source')) scrolledAt = Date.now();
    }, {passive: true, capture: true});
  }

  new MutationObserver(changed).observe(document.documentElement,
    {childList: true, subtree: true, attributes: true, attributeFilter: ['data-opened']});
})();
