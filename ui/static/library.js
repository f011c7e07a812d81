/* The library tab: the filter sends itself while one types, and focus stays where it was when rows come and go. */
(() => {
  const within = (at, selector) => (at instanceof Element ? at.closest(selector) : null);

  let typing = 0;
  document.addEventListener('input', (event) => {
    const form = within(event.target, '#library-choosing form');
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => form.requestSubmit(), event.target.tagName === 'SELECT' ? 0 : 250);
  });

  // What was drawn for one file may stand for another a moment later: what has the focus is known by what it does.
  const does = (at) => {
    const { act, how, file, place, order, page, number, model } = at.dataset;
    return JSON.stringify([act, how, file || place || order || page || number || model]);
  };
  let held = null;
  document.addEventListener('focusin', (event) => {
    const at = within(event.target, '#library [data-act]');
    const region = at && at.tagName !== 'FORM' ? within(at, '[id^="library-"]') : null;
    held = region ? { region: region.id, does: does(at) } : null;
  });
  // A press elsewhere takes the focus away on purpose.
  document.addEventListener('pointerdown', (event) => {
    if (!within(event.target, '#library [data-act]')) held = null;
  });

  const keep = () => {
    if (!held) return;
    const now = document.activeElement;
    if (now && now !== document.body && now.dataset && does(now) === held.does) return;
    if (now && now !== document.body && !within(now, `#${held.region}`)) return;
    const region = document.getElementById(held.region);
    const same = region && [...region.querySelectorAll('[data-act]')].find((at) => does(at) === held.does);
    const next = same || region?.querySelector('.ask [data-act]') || document.getElementById('library-files-heading');
    if (same || held.region === 'library-files') next?.focus({ preventScroll: true });
    else held = null;
  };

  const changed = (changes) => {
    for (const change of changes) {
      if (change.attributeName === 'data-done') change.target.reset();
    }
    keep();
  };
  const watch = () => {
    const library = document.getElementById('library');
    if (!library) return setTimeout(watch, 300);
    new MutationObserver(changed).observe(library, {
      subtree: true, childList: true, attributes: true, attributeFilter: ['data-file', 'data-place', 'data-done'],
    });
  };
  watch();
})();
