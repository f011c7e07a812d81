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
    document.querySelector(".gradio-container main, .gradio-container > .main")?.setAttribute("id", "top");
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

  let asked = false;
  function later() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; name(); follow(); });
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
