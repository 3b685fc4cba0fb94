// The Dashboard works without this: it copies addresses and looks again by itself.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-copy]")) {
    const address = button.parentElement.querySelector("input");
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(address.value);
      button.textContent = "Copied";
    });
    address.addEventListener("focus", () => address.select());
  }

  const refresh = document.querySelector("[data-refresh]");
  if (refresh) {
    setTimeout(() => window.location.reload(), Number(refresh.dataset.refresh));
  }

  // A second click does not pay twice.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", () => {
      setTimeout(() => {
        for (const button of form.querySelectorAll("button")) {
          button.disabled = true;
        }
      });
    });
  }
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form button")) {
      button.disabled = false;
    }
  });
})();
