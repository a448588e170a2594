show(({ title, facts }) => {
  root.replaceChildren(
    make("p", { className: "facts" }, [
      make("strong", { text: title }),
      ...facts.map((fact) => make("span", { text: fact })),
    ]),
  );
});
