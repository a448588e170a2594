show((answer) =>
  root.replaceChildren(
    make("h2", { text: answer.heading }),
    answerBars(answer),
    ...(answer.more ? [make("p", { className: "hint", text: `and ${answer.more} less likely` })] : []),
  ),
);
