/* What the settings do by themselves: a theme is tried as soon as it is chosen; a form that is drawn anew is obeyed. */
(() => {
  "use strict";

  addEventListener("change", (event) => {
    if (event.target.matches?.('#settings-appearance input[name="theme"]')) window.locusTheme?.(event.target.value);
  });

  // A box that was ticked by hand no longer follows its attribute, by which the page says what is in force.
  const followed = new MutationObserver((changes) => {
    for (const { target, attributeName } of changes) {
      if (!target.closest("#settings")) continue;
      if (attributeName === "checked") target.checked = target.hasAttribute("checked");
      if (attributeName === "selected") target.selected = target.hasAttribute("selected");
    }
  });
  const begin = () => followed.observe(document.body, { subtree: true, attributeFilter: ["checked", "selected"] });
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
