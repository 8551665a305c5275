/* The one script of the console. Every page works without it; it only makes them quicker.
   Declared in the markup, never wired by hand:
     data-key="p"        pressing P activates this link, button or field
     data-go="l"         G then L follows this navigation link
     data-href="/x/"     a table row that opens: J and K move, Enter or a click opens
     data-panel          a link whose page is a confirm panel: it opens as a dialog over this page
     data-close          closes the dialog it stands in
     data-once           a form that may be sent once: its buttons go busy
     data-copy="text"    copies the text
     data-reload         loads the page anew
     data-submits        a field that sends its form when it changes */
(function () {
  "use strict";

  const panel = document.getElementById("panel");
  const help = document.getElementById("help");
  const $$ = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  /* What stands in a closed menu can still be started by its key. */
  const visible = (element) => (element.closest("details.menu") || element).getClientRects().length > 0;
  const scope = () => document.querySelector("dialog[open]") || document;

  function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  }

  /* Dialogs ------------------------------------------------------------------------------------------------ */

  let opener = null;

  function openPanel(link) {
    opener = link;
    window.htmx.ajax("GET", link.href, { target: "#panel", swap: "innerHTML", source: link }).then(showPanel);
  }

  function showPanel() {
    if (!panel.open && panel.firstElementChild) {
      panel.showModal();
    }
    focusFirst(panel);
  }

  function focusFirst(root) {
    const wrong = root.querySelector("[aria-invalid=true]");
    const first = wrong || root.querySelector("[autofocus]") || root.querySelector("input:not([type=hidden]), select, textarea");
    if (first) {
      first.focus();
      first.scrollIntoView({ block: "nearest" });
      if (first.select) {
        first.select();
      }
    }
  }

  if (panel) {
    panel.addEventListener("close", () => {
      panel.replaceChildren();
      if (opener) {
        opener.focus();
      }
    });
    panel.addEventListener("click", (event) => {
      if (event.target === panel) {
        const dirty = $$("input:not([type=hidden]), textarea", panel).some((field) => field.value !== field.defaultValue);
        if (!dirty) {
          panel.close();
        }
      }
    });
  }

  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-close]");
    if (close) {
      const dialog = close.closest("dialog");
      if (dialog) {
        event.preventDefault();
        dialog.close();
      }
      return;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(copy.dataset.copy);
      copy.classList.add("copied");
      return;
    }
    if (event.target.closest("[data-reload]")) {
      window.location.reload();
      return;
    }
    if (event.target.closest("[data-help]")) {
      event.preventDefault();
      showHelp();
      return;
    }
    const link = event.target.closest("a[data-panel]");
    if (link && panel && window.htmx && plainClick(event)) {
      event.preventDefault();
      openPanel(link);
      return;
    }
    const row = event.target.closest("tr[data-href]");
    if (row && !event.target.closest("a, button, input, label, select, summary") && !String(window.getSelection())) {
      if (event.metaKey || event.ctrlKey) {
        window.open(row.dataset.href);
      } else {
        window.location.href = row.dataset.href;
      }
    }
  });

  function plainClick(event) {
    return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  }

  document.addEventListener("click", (event) => {
    for (const menu of $$("details.menu[open]")) {
      if (!menu.contains(event.target)) {
        menu.open = false;
      }
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.once === undefined) {
      return;
    }
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button) {
      button.classList.add("busy");
      button.setAttribute("aria-disabled", "true");
    }
  }, true);

  function rearm() {
    for (const form of $$("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of $$(".busy", form)) {
        button.classList.remove("busy");
        button.removeAttribute("aria-disabled");
      }
    }
  }
  window.addEventListener("pageshow", rearm);
  document.addEventListener("htmx:afterRequest", rearm);

  document.addEventListener("change", (event) => {
    const field = event.target.closest("[data-submits]");
    if (field && field.form) {
      field.form.requestSubmit();
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (panel && event.detail.target === panel) {
      showPanel();
    }
  });
  document.addEventListener("htmx:sendError", () => announce("offline"));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status >= 500) {
      announce("broken");
    }
  });

  function announce(kind) {
    const text = document.getElementById("say-" + kind);
    const place = document.getElementById("said");
    if (text && place) {
      place.replaceChildren(text.content.cloneNode(true));
    }
  }

  /* Theme -------------------------------------------------------------------------------------------------- */

  document.addEventListener("submit", (event) => {
    if (event.target.dataset.theme === undefined) {
      return;
    }
    event.preventDefault();
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    fetch(event.target.action, { method: "POST", body: new URLSearchParams({ ...Object.fromEntries(new FormData(event.target)), theme: root.dataset.theme }) });
  });

  /* Keyboard ----------------------------------------------------------------------------------------------- */

  let going = 0;

  function showHelp() {
    if (!help || help.open) {
      return;
    }
    const list = help.querySelector("[data-page-keys]");
    const keys = $$("[data-key]").filter(visible);
    list.replaceChildren(...keys.map(keyLine));
    list.closest("section").hidden = keys.length === 0;
    help.showModal();
  }

  function keyLine(element) {
    const line = document.createElement("li");
    const label = document.createElement("span");
    const key = document.createElement("kbd");
    const clone = element.cloneNode(true);
    $$("kbd, svg", clone).forEach((child) => child.remove());
    label.textContent = element.getAttribute("aria-label") || element.title || clone.textContent.trim() || element.name;
    key.textContent = element.dataset.key.toUpperCase();
    line.append(label, key);
    return line;
  }

  function activate(element) {
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName)) {
      element.focus();
      if (element.select) {
        element.select();
      }
    } else if (element.tagName === "DETAILS") {
      element.open = !element.open;
      focusFirst(element);
    } else {
      element.click();
    }
  }

  function moveRow(step) {
    const rows = $$("tr[data-href]").filter(visible);
    if (!rows.length) {
      return;
    }
    const here = rows.findIndex((row) => row.classList.contains("at"));
    const next = rows[Math.min(Math.max(here + step, 0), rows.length - 1)];
    rows.forEach((row) => row.classList.toggle("at", row === next));
    const link = next.querySelector("a");
    if (link) {
      link.focus({ preventScroll: true });
    }
    next.scrollIntoView({ block: "nearest" });
  }

  function escape() {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (document.activeElement) {
      document.activeElement.blur();
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) {
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
      event.preventDefault();
      event.target.form.requestSubmit(event.target.form.querySelector("[data-main]") || undefined);
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      return;
    }
    if (event.key === "Escape") {
      escape();
      return;
    }
    if (typing(event.target)) {
      return;
    }
    const inDialog = scope() !== document;
    if (event.key === "?" && !inDialog) {
      event.preventDefault();
      showHelp();
    } else if (event.key === "/" && !inDialog) {
      const search = document.getElementById("search");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (going && Date.now() - going < 1500) {
      going = 0;
      const target = document.querySelector('[data-go="' + CSS.escape(event.key.toLowerCase()) + '"]');
      if (target) {
        event.preventDefault();
        target.click();
      }
    } else if (event.key === "g" && !inDialog) {
      going = Date.now();
    } else if ((event.key === "j" || event.key === "k") && !inDialog) {
      moveRow(event.key === "j" ? 1 : -1);
    } else if (event.key.length === 1) {
      const found = $$('[data-key="' + CSS.escape(event.key.toLowerCase()) + '"]', scope()).find(visible);
      if (found) {
        event.preventDefault();
        activate(found);
      }
    }
  });
})();
