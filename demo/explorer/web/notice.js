show((notice) => {
  const { error, lines } = notice;
  root.replaceChildren(
    ...lines.map((line) => make("p", { className: error ? "notice error" : "notice", text: line })),
  );
});
