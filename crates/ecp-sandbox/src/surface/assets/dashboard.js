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

  // Times are in UTC, or in the browser's zone where a person has chosen it.
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
  const chosen = {
    get: () => {
      try {
        return localStorage.getItem("times") === "local";
      } catch {
        return false;
      }
    },
    set: (isLocal) => {
      try {
        localStorage.setItem("times", isLocal ? "local" : "utc");
      } catch {
        // It is asked for again on the next page.
      }
    },
  };
  let isLocal = chosen.get();
  const two = (number, width = 2) => String(number).padStart(width, "0");
  const showTime = (element) => {
    const text = element.dateTime;
    const utc = text.replace("T", " ").replace("Z", "");
    const at = new Date(text);
    const fraction = utc.slice(19);
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    element.textContent = isLocal ? `${day} ${time}${fraction}` : utc;
    element.title = isLocal ? `${utc} UTC` : "";
  };

  const enhance = (root) => {
    for (const button of root.querySelectorAll("[data-copy]")) {
      button.hidden = false;
    }
    if (isLocal) {
      root.querySelectorAll("time").forEach(showTime);
    }
  };

  for (const region of document.querySelectorAll("[data-live]")) {
    sources.set(region, region.innerHTML);
    keep(region);
  }
  enhance(document);

  const zone = document.querySelector("[data-zone]");
  const nameZone = () => {
    document.querySelector("[data-zone-name]").textContent = isLocal ? own : "UTC";
    zone.textContent = isLocal ? "Show UTC" : `Show ${own}`;
  };
  if (zone && own !== "UTC") {
    zone.hidden = false;
    nameZone();
    zone.addEventListener("click", () => {
      isLocal = !isLocal;
      chosen.set(isLocal);
      nameZone();
      document.querySelectorAll("time").forEach(showTime);
    });
  }

  // Browsers have a clipboard only where pages are secure, or ask for it.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "unseen";
      document.body.append(field);
      field.select();
      const isDone = document.execCommand("copy");
      field.remove();
      return isDone;
    }
  };
  const said = document.querySelector("[data-said]");
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) {
      return;
    }
    const holder = button.parentElement;
    const text =
      button.dataset.copy ||
      holder.querySelector("input")?.value ||
      holder.querySelector("pre").textContent;
    const words = (await copy(text)) ? "Copied" : "Not copied";
    button.focus({ preventScroll: true });
    button.textContent = words;
    said.textContent = words;
    setTimeout(() => {
      button.textContent = "Copy";
      said.textContent = "";
    }, 2000);
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

  // The form of a fault shows the fields that the fault has.
  const faults = document.querySelector("[data-faults]");
  const showFields = () => {
    const fault = faults.querySelector("[name=fault]:checked")?.value;
    for (const label of faults.querySelectorAll("[data-for]")) {
      const field = label.querySelector("input, select");
      label.hidden = !fault || !label.dataset.for.split(" ").includes(fault);
      field.disabled = label.hidden;
      field.required = "needed" in field.dataset;
    }
  };
  if (faults) {
    faults.addEventListener("change", showFields);
    showFields();
  }

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

  // Whether a person has changed a field since it came from the server.
  const isChanged = (field) => {
    if (field.type === "checkbox" || field.type === "radio") {
      return field.checked !== field.defaultChecked;
    }
    if (field.type === "select-one") {
      const options = [...field.options];
      const first = options.findIndex((option) => !option.disabled);
      const sent = options.findLastIndex((option) => option.defaultSelected);
      return field.selectedIndex !== (sent < 0 ? first : sent);
    }
    if (field.type === "select-multiple") {
      return [...field.options].some((option) => option.selected !== option.defaultSelected);
    }
    return field.type !== "hidden" && field.value !== field.defaultValue;
  };

  // A field that is being filled in and a text that is being selected are left alone.
  const isInUse = (region) => {
    const fields = [...region.querySelectorAll("input, select, textarea")];
    const selection = document.getSelection();
    return (
      fields.some((field) => field === document.activeElement && field.type !== "hidden") ||
      fields.some(isChanged) ||
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
    const open = [...region.querySelectorAll("details[id][open]")].map((part) => part.id);
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
    for (const id of open) {
      document.getElementById(id)?.setAttribute("open", "");
    }
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
