show((examples) => {
  const buttons = examples.map((example, index) => {
    const text = example.text_pair ? `${example.text} + ${example.text_pair}` : example.text;
    const attributes = { type: "button", title: text };
    const button = make("button", { className: "example", text, attributes });
    button.addEventListener("click", () => trigger("choose", { index }));
    return button;
  });
  root.replaceChildren(
    ...(examples.length ? [make("p", { className: "hint", text: "Or choose an example" })] : []),
    make("div", { className: "examples" }, buttons),
  );
});
