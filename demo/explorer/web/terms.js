// What the page's words mean, in one table; and their notes, one hover, tap or focus away wherever a
// word stands in a sentence of the page. Readers' texts and what stands on buttons are left alone.
window.attentionTerms = (() => {
  const { make } = window.attentionMaps;

  const TERMS = [
    ["attention head", "attention heads?", "One of several parts of a layer that work side by side. For every token it deals out 100% of its attention over the tokens that it may look at, and passes on what they hold in these shares.", "Vaswani et al. 2017", "https://arxiv.org/abs/1706.03762"],
    ["special tokens", "special tokens?", "Tokens that the model adds to a text, such as [CLS], from which a class is read, and [SEP], which ends a text. They often draw attention that has nothing to do with the words.", "Devlin et al. 2019", "https://aclanthology.org/N19-1423/"],
    ["cross-attention", "cross-attention", "How a decoder looks at the source: each token that it writes attends to the tokens of the source.", "Vaswani et al. 2017", "https://arxiv.org/abs/1706.03762"],
    ["self-attention", "self-attention", "How a text looks at itself: each token attends to the tokens of its own text; a decoder's only to those before it.", "Vaswani et al. 2017", "https://arxiv.org/abs/1706.03762"],
    ["entropy", "entrop(?:y|ies)", "How widely something is spread. Of attention, from 0 (all on one word) to 1 (the same for every word); of a choice among words, in bits: one bit is a coin's toss.", "Shannon 1948", "https://doi.org/10.1002/j.1538-7305.1948.tb01338.x"],
    ["rollout", "rollout", "Attention followed back through all layers: what reaches a token from each word if every layer passes on half of what it had and half of what it attended to.", "Abnar & Zuidema 2020", "https://aclanthology.org/2020.acl-main.385/"],
    ["norm weighting", "norm[ -]weight(?:ed|ing)|value norms?|multiplied by the norm", "Each weight times the length of the vector that is passed on with it. A token may draw much attention and pass on next to nothing.", "Kobayashi et al. 2020", "https://aclanthology.org/2020.emnlp-main.574/"],
    ["log-odds", "log-odds", "The natural logarithm of p / (1 − p): 0 at 50%, 2.2 at 90%, 4.6 at 99%. They go on moving where a probability is so near 0 or 1 that it cannot."],
    ["cosine", "cosines?", "The cosine of the angle between two vectors: 1 where they point the same way, 0 where they have nothing in common, −1 where they point opposite ways. Of two texts' vectors it tells how alike the model takes them to be.", "Reimers & Gurevych 2019", "https://aclanthology.org/D19-1410/"],
    ["points", "points(?= of (?:the )?probability)", "Percentage points: from 90% to 85% a probability falls by 5 points."],
    ["occlusion", "occlusion", "A word is removed and the model asked again. What the answer loses is the word's effect.", "Li et al. 2016", "https://arxiv.org/abs/1612.08220"],
    ["ablation", "ablat(?:ed|ion|e)", "A head is switched off, by multiplying what it passes on by 0, and the model asked again.", "Michel et al. 2019", "https://arxiv.org/abs/1905.10650"],
    ["interaction", "interactions?|have (?:anything|nothing) to do with each other", "What two words do together beyond what each does by itself.", "Grabisch & Roubens 1999", "https://doi.org/10.1007/s001820050125"],
    ["rather than", "rather than (?!all)", "A question of two classes. What counts is the difference of their two logits, which is the log-odds between them: what speaks for both alike does not count.", "Jacovi et al. 2021", "https://aclanthology.org/2021.emnlp-main.120/"],
    ["faithfulness", "faithful(?:ness)?|taken at its word", "Whether an explanation tells what the model went by, and not only what looks convincing to people.", "Jacovi & Goldberg 2020", "https://aclanthology.org/2020.acl-main.386/"],
    ["comprehensiveness", "comprehensiveness", "By how much the answer falls once the words that a ranking puts first are gone. High: these words were needed.", "DeYoung et al. 2020", "https://aclanthology.org/2020.acl-main.408/"],
    ["sufficiency", "sufficiency", "By how much the answer falls once only the words that a ranking puts first are left. Low: these words were enough.", "DeYoung et al. 2020", "https://aclanthology.org/2020.acl-main.408/"],
    ["Kendall's τ", "Kendall's τ", "How alike two orders are: 1 for the same order, −1 for the reverse, about 0 by chance.", "Kendall 1945", "https://doi.org/10.1093/biomet/33.3.239"],
    ["map error", "maps differ|total variation distance", "How far a map by 8-bit weights is from the same map by float32: the share of a row's attention that stands elsewhere (the total variation distance), as a mean over rows."],
    ["8-bit weights", "8-bit (?:weights|graph)", "The model's numbers rounded to one byte each, instead of four: a smaller and faster model, whose answers and maps differ slightly."],
    ["word error rate", "words wrong|word error rate", "The words that must be changed, added or dropped to get the right sentence, as a share of its words."],
    ["ROUGE-L", "ROUGE-L", "How much of a reference text stands in a generated one in the same order, from 0 to 1.", "Lin 2004", "https://aclanthology.org/W04-1013/"],
  ].map(([name, pattern, meaning, source, href]) => ({ name, pattern, meaning, source, href }));

  const ANY = new RegExp(`(?<![\\w-])(?:${TERMS.map(({ pattern }) => `(${pattern})`).join("|")})(?![\\w-])`, "gi");
  const PROSE = ".widget p, .widget li, .widget h3, .widget .facts > span, .widget .switch > span, .look-for p";
  const SKIPPED = "a, button, bdi, summary, svg, .chip, .term, [aria-live], [role='status'], .bars, .examples";
  const BLOCK = ".attention-maps, .widget, .look-for";

  const meaningOf = ({ meaning, source, href }) => [
    meaning,
    ...(source ? [" ", make("a", { text: source, attributes: { href, target: "_blank", rel: "noopener noreferrer" } })] : []),
  ];

  // ---- The note: one for the page. The pointer may go to it; Escape takes it away.

  let note = null;
  let shownFor = null;
  let going;
  const hide = () => {
    if (shownFor) shownFor.removeAttribute("aria-describedby");
    shownFor = null;
    if (note) note.hidden = true;
  };
  const hideSoon = () => {
    clearTimeout(going);
    going = setTimeout(hide, 200);
  };
  const display = (word) => {
    clearTimeout(going);
    if (shownFor === word) return;
    hide();
    note ??= document.querySelector(".gradio-container").appendChild(make("div", { className: "term-note", attributes: { id: "term-note", role: "tooltip" } }));
    const term = TERMS.find(({ name }) => name === word.dataset.term);
    note.replaceChildren(make("strong", { text: `${term.name}: ` }), ...meaningOf(term));
    note.hidden = false;
    shownFor = word;
    word.setAttribute("aria-describedby", "term-note");
    stayBeside();
  };
  const stayBeside = () => {
    if (!shownFor) return;
    const [place, size] = [shownFor.getBoundingClientRect(), note.getBoundingClientRect()];
    if (place.bottom < 0 || place.top > innerHeight) return hide();
    const below = place.bottom + 6 + size.height < innerHeight || place.top < size.height + 12;
    note.style.left = `${Math.max(8, Math.min(place.left, document.documentElement.clientWidth - size.width - 8))}px`;
    note.style.top = `${below ? place.bottom + 6 : place.top - size.height - 6}px`;
  };
  const wordAt = ({ target }) => target.closest?.(".term");
  const follow = () => {
    for (const kind of ["mouseover", "focusin", "click"]) {
      document.addEventListener(kind, (event) => {
        const word = wordAt(event);
        if (word) return display(word);
        if (event.target.closest?.(".term-note")) clearTimeout(going);
        else if (shownFor && shownFor !== document.activeElement) hideSoon();
      });
    }
    document.addEventListener("focusout", (event) => wordAt(event) && hideSoon());
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
    document.addEventListener("scroll", stayBeside, { passive: true, capture: true });
  };

  // ---- Words in sentences: the first of each term in a part of the page.

  const mark = (sentence) => {
    const block = sentence.closest(BLOCK);
    const known = new Set([...block.querySelectorAll(".term")].map(({ dataset }) => dataset.term));
    const walker = document.createTreeWalker(sentence, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(SKIPPED)) texts.push(walker.currentNode);
    for (const text of texts) {
      const parts = [];
      let at = 0;
      for (const found of text.data.matchAll(ANY)) {
        const term = TERMS[found.slice(1).findIndex((group) => group !== undefined)];
        if (known.has(term.name)) continue;
        known.add(term.name);
        parts.push(text.data.slice(at, found.index), make("span", { className: "term", text: found[0], attributes: { tabindex: "0", role: "button", "data-term": term.name } }));
        at = found.index + found[0].length;
      }
      if (parts.length) text.replaceWith(...parts, text.data.slice(at));
    }
  };

  let waiting = null;
  const look = (nodes) => {
    if (waiting) return nodes.forEach((node) => waiting.add(node));
    waiting = new Set(nodes);
    setTimeout(() => {
      const those = [...waiting].filter(({ isConnected }) => isConnected);
      waiting = null;
      if (shownFor && !shownFor.isConnected) hide();
      for (const node of those) {
        if (node.closest(PROSE)) mark(node.closest(PROSE));
        node.querySelectorAll(PROSE).forEach(mark);
      }
    });
  };

  // Begins to mark what stands on the page, and what comes.
  const begin = () => {
    follow();
    look([document.body]);
    new MutationObserver((changes) => {
      const added = changes.flatMap(({ target, addedNodes }) => [...addedNodes].map((node) => (node.nodeType === Node.ELEMENT_NODE ? node : target)));
      const ours = added.filter((node) => node.closest?.(".gradio-container") && !node.closest(".term, .term-note"));
      if (ours.length) look(ours);
    }).observe(document.body, { childList: true, subtree: true });
  };

  // All of them, for those who want to read on.
  const list = () =>
    make("details", {}, [
      make("summary", { text: "What the words mean" }),
      make("dl", {}, TERMS.flatMap((term) => [make("dt", { text: term.name }), make("dd", {}, meaningOf(term))])),
    ]);

  return { begin, list, names: TERMS.map(({ name }) => name) };
})();
