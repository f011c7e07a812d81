/* What the page does by itself in the browser: names for screen readers, scrolling along, a key for the text box. */
(() => {
  "use strict";

  const MARGIN_PX = 12;
  const box = () => document.querySelector("#box textarea");

  // Gradio draws these without what a screen reader needs.
  function name() {
    box()?.setAttribute("aria-label", "Your question");
    const live = document.querySelector("#live");
    if (live && !live.hasAttribute("aria-live")) {
      live.setAttribute("aria-live", "polite");
    }
  }

  // Follows an answer while it is written, its question at the top at most, until the person scrolls.
  let isFollowing = false;
  let lastQuestion = "";
  let lastText = "";
  for (const moved of ["wheel", "touchmove"]) addEventListener(moved, () => { isFollowing = false; }, { passive: true });
  function follow() {
    const live = document.querySelector("#live");
    if (!live?.offsetParent || live.textContent === lastText) return;
    const question = live.querySelector(".question")?.textContent ?? "";
    if (question !== lastQuestion) isFollowing = true;
    lastQuestion = question;
    lastText = live.textContent;
    if (isFollowing && question) {
      const page = document.documentElement;
      const top = page.scrollTop + live.getBoundingClientRect().top - MARGIN_PX;
      page.scrollTop = Math.min(page.scrollHeight - page.clientHeight, top);
    }
  }

  // What becomes of the files in the text box, so that nobody adds one who wanted to search with it.
  const RECORDED = /^(audio|sample|recording)([-_ ]?\d+)?\.(wav|webm|ogg|mp3|mp4|m4a)$/i;
  const safe = (text) => text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
  window.locusGiven = (value) => {
    const files = (value?.files ?? []).map((file) => ({
      name: file.orig_name ?? file.path?.split(/[\\/]/).pop() ?? "a file",
      isPicture: /^image\//.test(file.mime_type ?? "") || /\.(png|jpe?g|webp|gif|bmp|tiff?|heic)$/i.test(file.path ?? ""),
    }));
    const what = (file) => {
      if (files.length === 1 && file.isPicture) return "is searched with";
      if (files.length === 1 && !value.text?.trim() && RECORDED.test(file.name)) return "is your question";
      return files.length === 1 ? "is added to the library, and asked about" : "is added to the library";
    };
    const rows = files.map((file) => `<li><strong>${safe(file.name)}</strong> ${what(file)}</li>`).join("");
    return rows && `<ul class="given-files" role="status">${rows}</ul>`;
  };

  // One press on the microphone begins to record, and one ends it: nothing is to be confirmed in between.
  let lastPressed = null;
  function record() {
    // Not before the recording has a length: what is being drawn then would be broken off.
    const isDrawn = /[1-9]/.test(document.querySelector("#box .recording-overlay")?.textContent ?? "");
    const next = document.querySelector(`#box .record-button${isDrawn ? ", #box .confirm-button" : ""}`);
    if (next && next !== lastPressed) next.click();
    lastPressed = next;
  }

  let asked = false;
  function later() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; name(); follow(); record(); });
  }

  function begin() {
    new MutationObserver(later).observe(document.body, { childList: true, subtree: true, characterData: true });
    later();
  }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
  else begin();

  // A picture of a file that is away is no picture.
  addEventListener("error", (event) => {
    if (event.target instanceof HTMLImageElement && event.target.closest(".card")) event.target.remove();
  }, true);

  // "/" goes to the text box, as in many programs that search.
  addEventListener("keydown", (event) => {
    const at = document.activeElement;
    const types = at && (at.matches("input, textarea, select") || at.isContentEditable);
    if (event.key === "/" && !types && !event.ctrlKey && !event.metaKey && !event.altKey && box()?.offsetParent) {
      event.preventDefault();
      box().focus();
    }
  });
})();
