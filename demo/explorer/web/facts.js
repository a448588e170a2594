// The style follows `tabs`: only those that the model has are seen.
show(({ title, tabs, facts }) => {
  root.dataset.tabs = tabs.join(" ");
  root.replaceChildren(
    make("p", { className: "facts" }, [
      make("strong", { text: title }),
      ...facts.map((fact) => make("span", { text: fact })),
    ]),
  );
});
