show((answer) => {
  if (!answer.bars) return root.replaceChildren();
  root.replaceChildren(
    make("h2", { text: answer.heading }),
    answerBars(answer),
    ...(answer.more ? [make("p", { className: "hint", text: `and ${answer.more} less likely` })] : []),
  );
});
