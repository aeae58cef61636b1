// Small helpers in the visitor's browser: the page's language, whether the screen is narrow, definitions on hover and
// on focus, copying and printing. Listens at the document, once, and takes its listeners with it when it goes.
export default function (component) {
  const { data, setStateValue } = component;
  document.documentElement.lang = data.language;

  const narrow = window.matchMedia("(max-width: 640px)");
  const tell = () => {
    if (narrow.matches !== Boolean(data.narrow)) setStateValue("narrow", narrow.matches);
  };
  tell();

  if (window.pluralBrowser) window.pluralBrowser.stop();
  const stopper = new AbortController();
  const on = (target, type, handler) => target.addEventListener(type, handler, { signal: stopper.signal });
  on(narrow, "change", tell);

  let tip = document.getElementById("plural-tip");
  if (!tip) {
    tip = document.createElement("div");
    tip.id = "plural-tip";
    tip.setAttribute("role", "tooltip");
    document.body.append(tip);
  }
  tip.hidden = true;
  let shownFor = null;
  const hide = () => {
    if (shownFor) shownFor.removeAttribute("aria-describedby");
    shownFor = null;
    tip.hidden = true;
  };
  const show = (event) => {
    const term = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (!term) {
      if (event.type === "mouseover" && !tip.contains(event.target)) hide();
      return;
    }
    shownFor = term;
    tip.textContent = term.dataset.tip;
    tip.hidden = false;
    term.setAttribute("aria-describedby", "plural-tip");
    const box = term.getBoundingClientRect();
    const width = Math.min(340, window.innerWidth - 24);
    tip.style.maxWidth = `${width}px`;
    const left = Math.max(12, Math.min(box.left, window.innerWidth - tip.offsetWidth - 12));
    const below = box.bottom + 8 + tip.offsetHeight < window.innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? box.bottom + 6 : box.top - tip.offsetHeight - 6}px`;
  };
  on(document, "mouseover", show);
  on(document, "focusin", show);
  on(document, "focusout", hide);
  on(window, "scroll", hide);
  on(document, "keydown", (event) => {
    if (event.key === "Escape") hide();
  });

  // On a phone the menu covers the page: it goes away when a page has been chosen from it.
  on(document, "click", (event) => {
    const link = event.target.closest ? event.target.closest('[data-testid="stSidebar"] a') : null;
    if (!link || !narrow.matches) return;
    setTimeout(() => {
      const close = document.querySelector('[data-testid="stSidebarCollapseButton"] button');
      if (close) close.click();
    }, 150);
  });

  // The address of this view, with what another visitor's browser would choose otherwise.
  const address = (named) => {
    const url = new URL(window.location.href);
    for (const [name, value] of Object.entries(named)) if (!url.searchParams.has(name)) url.searchParams.set(name, value);
    return url.toString();
  };
  const say = (button, text) => {
    const before = button.textContent;
    button.textContent = text;
    button.setAttribute("aria-live", "polite");
    setTimeout(() => (button.textContent = before), 2000);
  };
  on(document, "click", async (event) => {
    const button = event.target.closest ? event.target.closest("[data-copy], [data-copy-link], [data-print]") : null;
    if (!button) return;
    if (button.dataset.print !== undefined) {
      window.print();
      return;
    }
    try {
      await navigator.clipboard.writeText(button.dataset.copy ?? address(JSON.parse(button.dataset.copyLink)));
      say(button, data.copied);
    } catch {
      say(button, data.failed); // no clipboard without a secure connection
    }
  });

  window.pluralBrowser = { stop: () => stopper.abort() };
  return () => {
    stopper.abort();
    hide();
  };
}
