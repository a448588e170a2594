// Sentences one after another; some of their parts stand out, or lead to a source.
const part = (note) => {
  if (typeof note === "string") return note;
  if (!note.href) return make("strong", { text: note.text });
  return make("a", { text: note.text, attributes: { href: note.href, target: "_blank", rel: "noopener noreferrer" } });
};
show((notes) => root.replaceChildren(make("p", {}, notes.flatMap((note) => [part(note), " "]))));
