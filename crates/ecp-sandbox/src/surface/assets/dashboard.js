// The Dashboard works without this. With it, pages show changes by themselves, and what they hold is
// copied by a button.
(() => {
  "use strict";
  const body = document.body;

  // What a part of the page was like when it came from the server, before this script or a person
  // changed it.
  const sources = new WeakMap();
  const keep = (root) => {
    for (const part of root.querySelectorAll("[data-key]")) {
      sources.set(part, part.outerHTML);
    }
  };

  const enhance = (root) => {
    for (const button of root.querySelectorAll("[data-copy]")) {
      button.hidden = !navigator.clipboard;
    }
  };

  for (const region of document.querySelectorAll("[data-live]")) {
    sources.set(region, region.innerHTML);
    keep(region);
  }
  enhance(document);

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (button) {
      const text = button.dataset.copy || button.parentElement.querySelector("input").value;
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    }
  });
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches("input.address")) {
      target.select();
    }
  });

  // A second click does not pay twice.
  document.addEventListener("submit", ({ target }) => {
    if (target.method === "post") {
      setTimeout(() => {
        for (const button of target.querySelectorAll("button")) {
          button.disabled = true;
        }
      });
    }
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form button")) {
      button.disabled = false;
    }
  });

  const reload = document.querySelector("[data-refresh]");
  if (reload) {
    setTimeout(() => window.location.reload(), Number(reload.dataset.refresh));
  }

  // Live pages.
  const { events, page } = body.dataset;
  const pause = document.querySelector("[data-pause]");
  if (!events || !pause || !window.EventSource) {
    return;
  }

  // A field that is being filled in and a text that is being selected are left alone.
  const isInUse = (region) => {
    const fields = [...region.querySelectorAll("input, select, textarea")];
    const selection = document.getSelection();
    return (
      fields.some((field) => field === document.activeElement && field.type !== "hidden") ||
      fields.some((field) => "defaultValue" in field && field.value !== field.defaultValue) ||
      (!selection.isCollapsed && region.contains(selection.anchorNode))
    );
  };

  // Replaces what has changed. Rows that are the same stay as they are, with what is open in them.
  const patch = (region, fresh) => {
    const source = fresh.innerHTML;
    if (sources.get(region) === source) {
      return true;
    }
    if (isInUse(region)) {
      return false;
    }
    const focus = region.contains(document.activeElement) && document.activeElement;
    const link = focus && focus.getAttribute("href");
    const wide = region.querySelector(".scroll");
    const left = wide && wide.scrollLeft;
    const old = new Map();
    for (const part of region.querySelectorAll("[data-key]")) {
      old.set(sources.get(part), part);
    }
    keep(fresh);
    enhance(fresh);
    for (const part of fresh.querySelectorAll("[data-key]")) {
      const same = old.get(sources.get(part));
      if (same) {
        part.replaceWith(same);
      } else if (old.size > 0) {
        part.classList.add("fresh");
      }
    }
    region.replaceChildren(...fresh.childNodes);
    sources.set(region, source);
    if (left) {
      region.querySelector(".scroll")?.scrollTo({ left });
    }
    if (focus) {
      const again = focus.isConnected
        ? focus
        : link && region.querySelector(`a[href="${CSS.escape(link)}"]`);
      again?.focus({ preventScroll: true });
    }
    return true;
  };

  const merge = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const regions = document.querySelectorAll("[data-live]");
    const others = fresh.querySelectorAll("[data-live]");
    const done = [...regions].map((region, place) => !others[place] || patch(region, others[place]));
    return done.every(Boolean);
  };

  let state = "idle";
  const refresh = async () => {
    if (state !== "idle") {
      state = "again";
      return;
    }
    state = "busy";
    let isDone = true;
    try {
      const response = await fetch(page, { cache: "no-store" });
      isDone = !response.ok || merge(await response.text());
    } catch {
      // The sandbox may be restarting; the events come again when it is there.
    }
    const again = state === "again";
    state = "idle";
    if (again) {
      refresh();
    } else if (!isDone && source) {
      setTimeout(refresh, 1000);
    }
  };

  // A browser has few connections to one server, so a page that nobody sees holds none.
  let source = null;
  let paused = false;
  const follow = () => {
    const wanted = !paused && document.visibilityState === "visible";
    if (wanted && !source) {
      source = new EventSource(events);
      source.addEventListener("message", refresh);
    } else if (!wanted && source) {
      source.close();
      source = null;
    }
  };
  pause.hidden = false;
  document.querySelector("[data-reload]").hidden = true;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    follow();
  });
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", () => source?.close());
  follow();
})();
