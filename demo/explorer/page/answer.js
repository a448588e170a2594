show((answer) => {
  const rows = answer.bars.map(({ label, text, share }, place) =>
    make("li", { className: place ? "bar" : "bar first" }, [
      make("span", { className: "bar-label", text: label }),
      make("span", { className: "bar-value", text }),
      ...(share === undefined
        ? []
        : [make("span", { className: "bar-ink", style: { width: `${100 * share}%` } })]),
    ]),
  );
  root.replaceChildren(
    make("h2", { text: answer.heading }),
    make("ol", { className: "bars" }, rows),
    ...(answer.more ? [make("p", { className: "hint", text: `and ${answer.more} less likely` })] : []),
  );
});
