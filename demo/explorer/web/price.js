// What an analysis will take, how far it is, or why it cannot be done.
show(({ text, error, share }) => {
  const line = make("p", { className: error ? "price error" : "price", text: error ?? text ?? "", attributes: { role: "status" } });
  const bar = make("div", { className: "progress", attributes: { "aria-hidden": "true" } }, [
    make("span", { style: { width: `${100 * (share ?? 0)}%` } }),
  ]);
  root.replaceChildren(line, ...(share === undefined ? [] : [bar]));
});
