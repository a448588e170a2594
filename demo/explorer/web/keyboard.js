// For readers without a mouse: what gradio's parts, and browsers, leave undone.
(() => {
  // ---- gradio's lists

  const ESCAPE = { key: "Escape", bubbles: true, cancelable: true };
  const shut = (list) => {
    const escape = new KeyboardEvent("keydown", ESCAPE);
    escape.preventDefault(); // it is nobody else's, who may end a tour by it
    list.dispatchEvent(escape);
  };
  // It takes what Enter chooses, but tells the page of it only when a mouse does; and then it drops
  // the focus, and opens when it gets it back.
  const choose = (list) => {
    const option = document.getElementById(list.getAttribute("aria-activedescendant"));
    if (!option || document.activeElement !== list) return;
    option.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true }));
    list.focus();
    shut(list);
  };
  window.addEventListener("keydown", (event) => {
    const { key, target: list } = event;
    if (!list.matches?.('input[role="combobox"]') || !["Tab", "Shift", "Enter"].includes(key)) return;
    // A list looks at each key a frame later: it would open behind whoever has gone on by Tab, and
    // the arrows before Enter have not yet come to their end.
    event.stopImmediatePropagation();
    if (key === "Enter") requestAnimationFrame(() => setTimeout(choose, 0, list));
  }, true);

  // ---- What has the focus is taken away or switched off: browsers drop it, to the page's start for
  // who reads by ear. It goes to the button before, such as what Stop had begun, or to what follows.

  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
  const usable = (node) => node?.matches(FOCUSABLE) && !node.disabled && node.tabIndex >= 0 && node.offsetParent;
  const withAncestors = (node) => (node ? [node, ...withAncestors(node.parentElement)] : []);
  let held = []; // what has the focus, and what it stands in
  document.addEventListener("focusin", ({ target }) => (held = withAncestors(target)));
  document.addEventListener("focusout", ({ target }) => queueMicrotask(() => usable(target) && (held = [])));

  const follow = () => {
    const [lost] = held;
    if (!lost || usable(lost) || ![document.body, lost].includes(document.activeElement)) return;
    const place = held.find(({ isConnected }) => isConnected);
    const follows = (node) => place.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING;
    const before = lost.previousElementSibling;
    const next = usable(before) ? before : [...document.querySelectorAll(FOCUSABLE)].find((node) => follows(node) && usable(node));
    held = [];
    next?.focus({ preventScroll: true });
  };
  new MutationObserver(follow).observe(document, { subtree: true, childList: true, attributeFilter: ["disabled"] });
})();
