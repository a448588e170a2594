show((lines) => root.replaceChildren(...lines.map((text) => make("p", { className: "hint", text }))));
