// An answer's classes as bars, the likeliest first and large.
const answerBars = (answer) =>
  make(
    "ol",
    { className: "bars" },
    answer.bars.map(({ label, text, share }, place) =>
      make("li", { className: place ? "bar" : "bar first" }, [
        make("span", { className: "bar-label", text: label }),
        make("span", { className: "bar-value", text }),
        ...(share === undefined
          ? []
          : [make("span", { className: "bar-ink", style: { width: `${100 * share}%` } })]),
      ]),
    ),
  );
