/* The chat in the browser: files that are dropped beside the text box, the focus, and the way back to a conversation. */
(() => {
  'use strict';

  const box = () => document.querySelector('#box textarea');
  const within = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

  // --- files dropped anywhere --------------------------------------------------------------------

  // A browser opens a file that is dropped on a page, and leaves the page: here it goes to where files are taken.
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const takers = ['#box .full-container', '#library-drop button', '#search-picture button'];
  let overAt = 0;
  addEventListener('dragover', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    document.body.classList.add('dropping');
    clearTimeout(overAt);
    // There is no event for a file that is carried away again: no more of these come.
    overAt = setTimeout(() => document.body.classList.remove('dropping'), 400);
  });
  addEventListener('drop', (event) => {
    if (!holdsFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    const taker = takers.map((each) => document.querySelector(each)).find((each) => each?.offsetParent);
    taker?.dispatchEvent(new DragEvent('drop', {dataTransfer: event.dataTransfer, bubbles: true, cancelable: true}));
  });

  // --- acts ----------------------------------------------------------------------------------------

  let goesToBox = false;            // what was pressed is drawn anew and takes the focus with it
  document.addEventListener('click', (event) => {
    if (within(event, '#conversations [data-act="new"], [data-act="suggest"]')) box()?.focus();
    if (within(event, '#conversations [data-act="delete"]')) goesToBox = true;
    if (within(event, '#box .stop-button')) {
      const doing = document.querySelector('#live .doing');
      if (doing) doing.textContent = 'Stopping …';
    }
  });

  // --- back, forward, reload -----------------------------------------------------------------------

  const PATIENCE_MS = 4000;
  const HASH = /^#conversation-(\d{1,18})$/;
  const wanted = () => HASH.exec(location.hash)?.[1] ?? '';
  const opened = () => document.querySelector('#conversations li.open [data-act="show"]')?.dataset.id ?? '';
  let isReady = false;              // the list has been drawn, and what the address names has been asked for
  let coming = null;                // the conversation that the address asked for, until it is shown
  let patience = 0;

  // One at a time: what is pressed after it may otherwise come before it.
  const go = () => {
    const id = wanted();
    if (coming !== null || id === opened()) return;
    const at = document.querySelector(id ? `#conversations [data-act="show"][data-id="${id}"]`
      : '#conversations [data-act="new"]');
    if (!at) return;
    coming = id;
    clearTimeout(patience);
    patience = setTimeout(() => { coming = null; }, PATIENCE_MS);  // another tab may have deleted it
    at.click();
  };

  const changed = () => {
    const list = document.querySelector('#conversations .new');
    if (!list) return;
    if (!isReady) {
      isReady = true;
      if (wanted()) go();
    }
    if (goesToBox && document.activeElement === document.body) { goesToBox = false; box()?.focus(); }
    const now = opened();
    if (coming !== null) {
      if (now !== coming) return;
      coming = null;
      go();
      return;
    }
    if (now === wanted()) return;
    history.pushState(history.state, '', `${location.pathname}${location.search}${now ? `#conversation-${now}` : ''}`);
  };

  addEventListener('popstate', go);
  const begin = () => {
    new MutationObserver(changed).observe(document.body, {childList: true, subtree: true});
    changed();
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', begin);
  else begin();
})();
