// The widget that opens the sandbox's Payment Page on a merchant's page:
//   EPayWidget.run(config)            a modal window, or an iframe in config.target_element
//   EPayWidget.run(config, "POST")    the same, with the parameters sent by a form
//   EPayWidget.runEmbedded(config)    an iframe in config.target_element without a border
// The config is the signed parameters and, unsigned, the merchant's functions: onLoaded and so on.
(() => {
  "use strict";
  const home = new URL(document.currentScript.src).origin;
  const events = {
    "check-submit": "onCheckSubmit",
    "hide-loader": "onHideLoader",
    "payment-fail": "onPaymentFail",
    "payment-sent": "onPaymentSent",
    "payment-success": "onPaymentSuccess",
    "show-loader": "onShowLoader",
    "validation-error": "onValidationError",
    loaded: "onLoaded",
    resize: "onResize",
  };
  // Reported once in the life of a widget, however many pages report it.
  const once = ["loaded", "payment-fail", "payment-sent", "payment-success"];
  const notSent = ["baseUrl", "baseurl", "paymentPageUrl", "frame_mode"];
  const set = (value) => ["1", "true"].includes(String(value ?? ""));
  let current = null;

  const parametersOf = (config, frameMode) => {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(config)) {
      if (value === undefined || value === null || typeof value === "function") {
        continue;
      }
      if (!notSent.includes(name)) {
        const text = typeof value === "boolean" ? Number(value) : value;
        parameters.append(name, typeof text === "object" ? JSON.stringify(text) : text);
      }
    }
    if (frameMode) {
      parameters.append("frame_mode", frameMode);
    }
    return parameters;
  };

  const send = (url, parameters, method, target) => {
    if (method !== "POST") {
      const address = `${url}?${parameters}`;
      if (target) {
        target.src = address;
      } else {
        window.location.assign(address);
      }
      return;
    }
    const form = document.createElement("form");
    form.method = "post";
    form.action = url;
    form.target = target ? target.name : "_self";
    for (const [name, value] of parameters) {
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = value;
      form.append(input);
    }
    form.hidden = true;
    document.body.append(form);
    form.submit();
    form.remove();
  };

  class Widget {
    constructor(config, method, frameMode) {
      this.config = config;
      this.reported = new Set();
      const base = config.baseUrl ?? config.baseurl ?? config.paymentPageUrl ?? home;
      this.origin = new URL(base, home).origin;
      this.url = `${String(base).replace(/\/+$/, "")}/payment`;
      this.frame = document.createElement("iframe");
      this.frame.name = `ecp-payment-${Date.now()}`;
      this.frame.className = "ecp-widget-frame";
      this.frame.title = "Payment";
      this.listener = (message) => this.hear(message);
      window.addEventListener("message", this.listener);
      this.frame.addEventListener("load", () => {
        this.call("onHideLoader");
        this.frame.contentWindow?.postMessage({ source: "ecp-widget" }, this.origin);
      });
      this.place(frameMode);
      this.call("onShowLoader");
      send(this.url, parametersOf(config, frameMode), method, this.frame);
    }

    place(frameMode) {
      const element = this.config.target_element;
      if (frameMode !== "popup") {
        const holder = document.getElementById(element);
        if (!holder) {
          throw new Error(`EPayWidget: there is no element with the id ${element}`);
        }
        this.frame.classList.add(`ecp-widget-${frameMode}`);
        holder.append(this.frame);
        return;
      }
      // A modal dialog keeps the focus, and what is behind it still.
      this.overlay = document.createElement("dialog");
      this.overlay.className = "ecp-widget-overlay";
      this.overlay.setAttribute("aria-label", "Payment");
      if (this.config.css_modal_wrap) {
        const classes = String(this.config.css_modal_wrap).split(/\s+/).filter(Boolean);
        this.overlay.classList.add(...classes);
      }
      const window = document.createElement("div");
      window.className = "ecp-widget-window";
      const close = document.createElement("button");
      close.type = "button";
      close.className = "ecp-widget-close";
      close.setAttribute("aria-label", "Close");
      close.textContent = "×";
      close.addEventListener("click", () => this.exit());
      window.append(close, this.frame);
      this.overlay.append(window);
      this.overlay.addEventListener("click", (event) => {
        if (event.target === this.overlay && set(this.config.close_on_missclick)) {
          this.exit();
        }
      });
      this.overlay.addEventListener("cancel", (event) => {
        event.preventDefault();
        this.exit();
      });
      document.body.append(this.overlay);
      document.documentElement.classList.add("ecp-widget-open");
      this.overlay.showModal();
    }

    // Only what the page in the frame says counts, and only from the page's own origin.
    hear(message) {
      if (message.source !== this.frame.contentWindow || message.origin !== this.origin) {
        return;
      }
      const { source, name, ...more } = message.data ?? {};
      if (source !== "ecp-page") {
        return;
      }
      if (name === "exit" || (name === "escape" && this.overlay)) {
        this.exit();
      } else if (name === "redirect") {
        this.redirect(more.url);
      } else if (Object.hasOwn(events, name)) {
        if (once.includes(name) && this.reported.has(name)) {
          return;
        }
        this.reported.add(name);
        if (name === "resize" && Number.isFinite(more.height)) {
          this.frame.height = Math.ceil(more.height);
        }
        this.call(events[name], more);
      }
    }

    redirect(url) {
      const address = new URL(url, window.location.href);
      if (["http:", "https:"].includes(address.protocol)) {
        window.location.assign(address);
      }
    }

    call(name, more) {
      if (typeof this.config[name] === "function") {
        this.config[name](more ?? {});
      }
    }

    exit() {
      this.call("onExit");
      this.destroy();
    }

    destroy() {
      window.removeEventListener("message", this.listener);
      if (this.overlay) {
        document.documentElement.classList.remove("ecp-widget-open");
        // Closing gives the focus back to where it was.
        this.overlay.close();
      }
      (this.overlay ?? this.frame).remove();
      if (current === this) {
        current = null;
      }
      this.call("onDestroy");
    }
  }

  const open = (config, method, frameMode) => {
    current?.destroy();
    current = new Widget(config, method, frameMode);
    return current;
  };

  window.EPayWidget = {
    run(config, method = "GET") {
      const onPhone = window.matchMedia("(max-width: 600px)").matches;
      if (set(config.redirect) || (set(config.redirect_on_mobile) && onPhone)) {
        const base = config.baseUrl ?? config.baseurl ?? config.paymentPageUrl ?? home;
        send(`${String(base).replace(/\/+$/, "")}/payment`, parametersOf(config, ""), method, null);
        return null;
      }
      return open(config, method, config.target_element ? "iframe" : "popup");
    },
    runEmbedded(config, method = "GET") {
      return open(config, method, "embedded");
    },
    destroy() {
      current?.destroy();
    },
  };
})();
