// The search tab in the browser: what was found is said to screen readers, and the focus is not lost.
(() => {
  "use strict";

  // "Search without filters" takes them out of the form, too.
  function without() {
    for (const field of document.getElementById("search-form").elements) {
      if (field.type === "checkbox") field.checked = false;
      else if (field.type === "date" || field.name === "under") field.value = "";
    }
  }

  function begin() {
    let more = false;
    addEventListener("click", (event) => {
      if (event.target.closest?.("#search-results [data-act='more']")) more = true;
      if (event.target.closest?.("#search-results [data-act='search']")) without();
    }, true);
    new MutationObserver(() => {
      const said = document.getElementById("search-said");
      if (said && !said.hasAttribute("aria-live")) said.setAttribute("aria-live", "polite");
      // The button for more is a new one by then.
      const count = said?.querySelector(".count");
      if (more && count && document.activeElement === document.body) {
        more = false;
        count.tabIndex = -1;
        count.focus({ preventScroll: true });
      }
    }).observe(document.body, { childList: true, subtree: true });
  }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
  else begin();
})();
