// The customers' pages: going on by itself, looking again, and telling the merchant's page.
(() => {
  "use strict";
  const body = document.body;
  const { stage, event, poll, redirect } = body.dataset;

  // The merchant's page says hello first, so that a page that did not ask receives nothing.
  const framed = window.parent !== window;
  let merchant = null;
  const tell = (name, more) => {
    if (merchant) {
      window.parent.postMessage({ source: "ecp-page", name, ...more }, merchant);
    }
  };
  const tellSize = () => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    tell("resize", { width: scrollWidth, height: scrollHeight });
  };

  // Once, and after the merchant's page has received it.
  const go = document.querySelector("[data-go]");
  let gone = false;
  const goOn = () => {
    if (!go || gone) {
      return;
    }
    gone = true;
    if (go.tagName === "FORM") {
      go.submit();
    } else {
      window.location.replace(go.href);
    }
  };
  setTimeout(goOn, framed ? 600 : 0);

  // Each page goes where its attributes say, once.
  const leave = () => {
    if ("leavesFrame" in body.dataset) {
      tell("redirect", { url: redirect });
    } else {
      window.location.replace(redirect);
    }
  };

  if (framed) {
    window.addEventListener("message", (message) => {
      const hello = message.source === window.parent && message.data?.source === "ecp-widget";
      if (!hello || merchant || !/^https?:/.test(message.origin)) {
        return;
      }
      merchant = message.origin;
      tell("loaded");
      if (event) {
        tell(event, { stage });
      }
      goOn();
      tellSize();
      new ResizeObserver(tellSize).observe(body);
      window.addEventListener("keydown", ({ key }) => key === "Escape" && tell("escape"));
      const close = document.querySelector("[data-close]");
      if (close) {
        close.hidden = false;
        close.addEventListener("click", () => tell("exit"));
      }
      if (redirect && "leavesFrame" in body.dataset) {
        setTimeout(leave, 3000);
      }
    });
  }
  if (redirect && !("leavesFrame" in body.dataset)) {
    setTimeout(leave, 3000);
  }

  // A form is sent once, unless the customer comes back to it.
  for (const form of document.forms) {
    form.addEventListener("submit", () => {
      tell("check-submit");
      tell("show-loader");
      setTimeout(() => {
        for (const button of form.querySelectorAll("button")) {
          button.disabled = true;
        }
      });
    });
    form.addEventListener("invalid", () => tell("validation-error"), true);
  }
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form button")) {
      button.disabled = false;
    }
  });

  const look = async () => {
    try {
      const response = await fetch(poll, { cache: "no-store" });
      if (response.ok && (await response.text()) !== stage) {
        const again = stage === "waiting" ? "?go=1" : "";
        window.location.replace(poll.replace(/\/state$/, "") + again);
        return;
      }
    } catch {
      // The sandbox may be restarting.
    }
    setTimeout(look, 700);
  };
  if (poll) {
    setTimeout(look, stage === "customer" ? 1500 : 300);
  }
})();
